package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// signatureValue takes the flags that a signed request needs, false for any other.
func (r *request) signatureValue(flag, value string) bool {
	switch flag {
	case "-K", "--config":
		r.configs = append(r.configs, value)
	case "-u", "--user":
		r.user = value
	case "--aws-sigv4":
		r.signature = value
	default:
		return false
	}
	return true
}

// readConfigs reads the files that --config names, one flag to a line: `name = "value"`.
func (r *request) readConfigs(p *shell.Proc) error {
	for _, name := range r.configs {
		content, err := p.ReadFile(name)
		if err != nil {
			return fmt.Errorf("cannot read config from '%s'", name)
		}
		for line := range strings.SplitSeq(string(content), "\n") {
			if err := r.configLine(strings.TrimSpace(line)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *request) configLine(line string) error {
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	flag, value, _ := strings.Cut(line, "=")
	flag, value = "--"+strings.Trim(flag, " -"), strings.TrimSpace(value)
	if unquoted, err := strconv.Unquote(value); err == nil {
		value = unquoted
	}
	if r.curlSwitch(flag) {
		return nil
	}
	return r.curlValue(flag, value)
}

// sign signs call as --aws-sigv4 "aws:amz:REGION:SERVICE" asks, with the user as access key
// and the session's token from its header.
func (r *request) sign(ctx context.Context, call *http.Request) error {
	if r.signature == "" {
		return nil
	}
	provider := strings.Split(r.signature, ":")
	if len(provider) != 4 {
		return fmt.Errorf("--aws-sigv4 %q is not modelled: it must name region and service", r.signature)
	}
	id, secret, _ := strings.Cut(r.user, ":")
	sum := sha256.Sum256([]byte(r.body))
	keys := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: call.Header.Get("X-Amz-Security-Token")}
	if err := signer.NewSigner().SignHTTP(ctx, keys, call, hex.EncodeToString(sum[:]), provider[3], provider[2], time.Now()); err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	return nil
}
