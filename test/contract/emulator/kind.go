package emulator

import (
	"fmt"
	"strings"
)

// Version is a minor version of Python.
type Version struct{ Major, Minor int }

// String is as in "3.13".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

func (v Version) less(other Version) bool {
	return v.Major < other.Major || v.Major == other.Major && v.Minor < other.Minor
}

// Kind is an endpoint that can be installed.
type Kind struct {
	// Name is that of its differences and of its requirements.
	Name string
	// oldest is the oldest Python that it works with.
	oldest Version
	// built: some of what it needs is published as source only.
	built bool
	// health is a path that is answered with 200 when it is ready.
	health string
	// command is what Python runs.
	command func(host, port string) []string
	// environment is what it needs beside the usual; folder is for its files.
	environment func(host, port, folder string) []string
}

// Names are those of all kinds.
func Names() []string { return []string{"moto", "localstack"} }

// Named returns the kind of that name.
func Named(name string) (Kind, error) {
	switch name {
	case "moto":
		return moto(), nil
	case "localstack":
		return localStack(), nil
	default:
		return Kind{}, fmt.Errorf("there is no endpoint %q to install, only %s", name, strings.Join(Names(), " and "))
	}
}

func moto() Kind {
	return Kind{
		Name: "moto", oldest: Version{3, 12}, health: "/moto-api/",
		command:     func(host, port string) []string { return []string{"-m", "moto.server", "-H", host, "-p", port} },
		environment: func(string, string, string) []string { return nil },
	}
}

// localStack runs in the process itself: no Docker, no name server, no certificate, no
// telemetry. Its SQS needs Python 3.13's warnings.deprecated.
func localStack() Kind {
	return Kind{
		Name: "localstack", oldest: Version{3, 13}, built: true, health: "/_localstack/health",
		command: func(string, string) []string { return []string{"-m", "localstack.runtime.main"} },
		environment: func(host, port, folder string) []string {
			return []string{
				"SERVICES=ec2,ssm,sqs,iam,sts", "GATEWAY_LISTEN=" + host + ":" + port, "LOCALSTACK_VOLUME_DIR=" + folder,
				"DISABLE_EVENTS=1", "SKIP_SSL_CERT_DOWNLOAD=1", "DNS_ADDRESS=0",
			}
		},
	}
}
