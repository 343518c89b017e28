package sqs

import (
	"strconv"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// field is one of the settings with AWS's bounds, all in seconds.
type field struct {
	value    *time.Duration
	min, max int64
}

// fields are the settings by the names that AWS gives them.
func (s *settings) fields() map[string]field {
	return map[string]field{
		"VisibilityTimeout":             {&s.visibility, 0, 43200},
		"MessageRetentionPeriod":        {&s.retention, 60, 1209600},
		"DelaySeconds":                  {&s.delay, 0, 900},
		"ReceiveMessageWaitTimeSeconds": {&s.wait, 0, 20},
	}
}

// attributes are the settings as AWS writes them.
func (s settings) attributes() map[string]string {
	out := map[string]string{}
	for name, f := range s.fields() {
		out[name] = strconv.FormatInt(int64(*f.value/time.Second), 10)
	}
	return out
}

// settingsOf reads the attributes of a request.
func settingsOf(attributes map[string]string) (settings, error) {
	out := defaults()
	fields := out.fields()
	for name, text := range attributes {
		f, known := fields[name]
		if !known {
			return settings{}, wire.Errorf("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds < f.min || seconds > f.max {
			return settings{}, wire.Errorf("InvalidAttributeValue", "Invalid value for the parameter %s: %s", name, text)
		}
		*f.value = time.Duration(seconds) * time.Second
	}
	return out, nil
}

// seconds reads an optional number of a request, within bounds.
func seconds(name string, given *int64, otherwise time.Duration, most int64) (time.Duration, error) {
	if given == nil {
		return otherwise, nil
	}
	if *given < 0 || *given > most {
		return 0, wire.Errorf("InvalidParameterValue", "Value %d for parameter %s is invalid. Reason: Must be >= 0 and <= %d.", *given, name, most)
	}
	return time.Duration(*given) * time.Second, nil
}

// choose returns the attributes that names ask for; "All" asks for all.
func choose(all map[string]string, names []string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range names {
		if name == "All" {
			return all, nil
		}
		value, known := all[name]
		if !known {
			return nil, wire.Errorf("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
		out[name] = value
	}
	return out, nil
}
