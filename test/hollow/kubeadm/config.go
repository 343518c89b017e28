package kubeadm

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	bootstraputil "k8s.io/cluster-bootstrap/token/util"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// kubeadm's own defaults.
const (
	defaultDiscovery    = 5 * time.Minute
	defaultTLSBootstrap = 5 * time.Minute
	defaultHealth       = 4 * time.Minute
	defaultAPICall      = time.Minute
)

// flags are the arguments of `kubeadm join`.
type flags struct {
	config, token, file, nodeName, criSocket, patches string
	discoveryToken, tlsToken                          string
	hashes, ignored, skipped                          []string
	skipCA, controlPlane, dryRun                      bool
	endpoint                                          string
	withConfig                                        []string // flags given that do not go together with --config
}

// parseFlags reads the arguments after "join" as kubeadm does.
func parseFlags(args []string) (flags, error) {
	var f flags
	set := pflag.NewFlagSet("join", pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&f.config, "config", "", "")
	set.StringVar(&f.token, "token", "", "")
	set.StringVar(&f.discoveryToken, "discovery-token", "", "")
	set.StringVar(&f.tlsToken, "tls-bootstrap-token", "", "")
	set.StringSliceVar(&f.hashes, "discovery-token-ca-cert-hash", nil, "")
	set.BoolVar(&f.skipCA, "discovery-token-unsafe-skip-ca-verification", false, "")
	set.StringVar(&f.file, "discovery-file", "", "")
	set.StringVar(&f.nodeName, "node-name", "", "")
	set.StringVar(&f.criSocket, "cri-socket", "", "")
	set.StringVar(&f.patches, "patches", "", "")
	set.StringSliceVar(&f.ignored, "ignore-preflight-errors", nil, "")
	set.StringSliceVar(&f.skipped, "skip-phases", nil, "")
	set.BoolVar(&f.controlPlane, "control-plane", false, "")
	set.BoolVar(&f.dryRun, "dry-run", false, "")
	for _, name := range []string{"certificate-key", "apiserver-advertise-address", "apiserver-bind-port", "rootfs", "kubeconfig"} {
		set.String(name, "", "")
	}
	set.IntP("v", "v", 0, "")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 1 {
		return f, fmt.Errorf("accepts at most 1 arg(s), received %d", set.NArg())
	}
	f.endpoint = set.Arg(0)
	set.Visit(func(given *pflag.Flag) {
		if !slices.Contains([]string{"config", "ignore-preflight-errors", "dry-run", "kubeconfig", "node-name", "rootfs", "v", "skip-phases"}, given.Name) {
			f.withConfig = append(f.withConfig, given.Name)
		}
	})
	if f.config != "" && len(f.withConfig) > 0 {
		return f, fmt.Errorf("can not mix '--config' with arguments %v", f.withConfig)
	}
	return f, nil
}

// load returns the complete, valid configuration that flags and file make.
func load(m *machine.Machine, p *shell.Proc, f flags) (*joinConfiguration, error) {
	c := f.configuration()
	if f.config != "" {
		data, err := p.ReadFile(f.config)
		if err != nil {
			return nil, fmt.Errorf("unable to read config from %q: %w", f.config, err)
		}
		if c, err = decode(data, p.Stderr); err != nil {
			return nil, err
		}
	}
	c.NodeRegistration.Name = cmp.Or(f.nodeName, c.NodeRegistration.Name, m.Hostname())
	c.NodeRegistration.Name = strings.ToLower(strings.TrimSpace(c.NodeRegistration.Name))
	c.NodeRegistration.CRISocket = cmp.Or(f.criSocket, c.NodeRegistration.CRISocket, machine.CRISocket)
	c.NodeRegistration.IgnorePreflightErrors = append(c.NodeRegistration.IgnorePreflightErrors, f.ignored...)
	c.SkipPhases = append(c.SkipPhases, f.skipped...)
	c.CACertPath = cmp.Or(c.CACertPath, caFile)
	if f.patches != "" {
		c.Patches = &patchesOf{Directory: f.patches}
	}
	if t := c.Discovery.BootstrapToken; t != nil && c.Discovery.TLSBootstrapToken == "" {
		c.Discovery.TLSBootstrapToken = t.Token
	}
	c.Timeouts = defaulted(c.Timeouts)
	return c, validate(p, c)
}

// configuration is what the flags say.
func (f flags) configuration() *joinConfiguration {
	c := &joinConfiguration{DryRun: f.dryRun}
	c.Discovery.TLSBootstrapToken = cmp.Or(f.tlsToken, f.token)
	if f.file != "" {
		c.Discovery.File = &fileDiscovery{KubeConfigPath: f.file}
	}
	if f.endpoint != "" {
		c.Discovery.BootstrapToken = &tokenDiscovery{
			Token: cmp.Or(f.discoveryToken, f.token), APIServerEndpoint: f.endpoint, CACertHashes: f.hashes, UnsafeSkipCAVerification: f.skipCA,
		}
	}
	if f.controlPlane {
		c.ControlPlane = &controlPlane{}
	}
	return c
}

func defaulted(t *timeouts) *timeouts {
	if t == nil {
		t = &timeouts{}
	}
	for at, otherwise := range map[**metav1.Duration]time.Duration{
		&t.Discovery: defaultDiscovery, &t.TLSBootstrap: defaultTLSBootstrap, &t.KubeletHealthCheck: defaultHealth, &t.KubernetesAPICall: defaultAPICall,
	} {
		if *at == nil {
			*at = &metav1.Duration{Duration: otherwise}
		}
	}
	return t
}

// decode reads the JoinConfiguration of a file that may hold other documents. A field
// that kubeadm does not know it warns of; a value of the wrong type is an error.
func decode(data []byte, warnings io.Writer) (*joinConfiguration, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("no JoinConfiguration found in the supplied config")
		}
		if err != nil {
			return nil, fmt.Errorf("reading config: %w", err)
		}
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return nil, fmt.Errorf("reading config: %w", err)
		}
		if kind.Kind != "JoinConfiguration" {
			continue
		}
		return decodeVersion(kind.APIVersion, document, warnings)
	}
}

func decodeVersion(version string, document []byte, warnings io.Writer) (*joinConfiguration, error) {
	switch version {
	case "kubeadm.k8s.io/v1beta4":
		var c joinConfiguration
		return &c, decodeInto(document, &c, warnings)
	case "kubeadm.k8s.io/v1beta3":
		var old joinV1beta3
		if err := decodeInto(document, &old, warnings); err != nil {
			return nil, err
		}
		return old.convert(), nil
	}
	return nil, fmt.Errorf("no kind \"JoinConfiguration\" is registered for version %q", version)
}

func decodeInto(document []byte, into any, warnings io.Writer) error {
	if err := yaml.UnmarshalStrict(document, into); err != nil {
		_, _ = fmt.Fprintf(warnings, "W strict decoding error: %v\n", err)
		return yaml.Unmarshal(document, into)
	}
	return nil
}

func (old joinV1beta3) convert() *joinConfiguration {
	c := &joinConfiguration{CACertPath: old.CACertPath, ControlPlane: old.ControlPlane, SkipPhases: old.SkipPhases, Patches: old.Patches}
	r := old.NodeRegistration
	c.NodeRegistration = nodeRegistration{Name: r.Name, CRISocket: r.CRISocket, Taints: r.Taints, IgnorePreflightErrors: r.IgnorePreflightErrors}
	for _, name := range slices.Sorted(maps.Keys(r.KubeletExtraArgs)) {
		c.NodeRegistration.KubeletExtraArgs = append(c.NodeRegistration.KubeletExtraArgs, arg{name, r.KubeletExtraArgs[name]})
	}
	d := old.Discovery
	c.Discovery = discovery{BootstrapToken: d.BootstrapToken, File: d.File, TLSBootstrapToken: d.TLSBootstrapToken}
	if d.Timeout != nil {
		c.Timeouts = &timeouts{Discovery: d.Timeout} // that of the kubelet's bootstrap cannot be set
	}
	return c
}

// validate reports every fault of a configuration.
func validate(p *shell.Proc, c *joinConfiguration) error {
	errs := validateDiscovery(p, c.Discovery)
	if faults := validation.IsDNS1123Subdomain(c.NodeRegistration.Name); len(faults) > 0 {
		errs = append(errs, fmt.Errorf("nodeRegistration.name: Invalid value: %q: %s", c.NodeRegistration.Name, faults[0]))
	}
	if !strings.HasPrefix(c.CACertPath, "/") || !strings.HasSuffix(c.CACertPath, ".crt") {
		errs = append(errs, fmt.Errorf("caCertPath: Invalid value: %q: the ca certificate path must be an absolute path", c.CACertPath))
	}
	if c.ControlPlane != nil {
		errs = append(errs, errors.New("hollow machines join as workers only"))
	}
	if c.DryRun {
		errs = append(errs, errors.New("hollow machines do not know dry runs"))
	}
	return errors.Join(errs...)
}

func validateDiscovery(p *shell.Proc, d discovery) []error {
	switch {
	case d.BootstrapToken == nil && d.File == nil:
		return []error{errors.New("discovery: Invalid value: \"\": bootstrapToken or file must be set")}
	case d.BootstrapToken != nil && d.File != nil:
		return []error{errors.New("discovery: Invalid value: \"\": bootstrapToken and file cannot both be set")}
	case d.BootstrapToken != nil:
		return validateToken(d)
	}
	return validateFile(p, d)
}

func validateToken(d discovery) []error {
	var errs []error
	t := d.BootstrapToken
	if len(t.CACertHashes) == 0 && !t.UnsafeSkipCAVerification {
		errs = append(errs, errors.New("discovery.bootstrapToken.caCertHashes: Invalid value: \"\": using token-based discovery without caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file or pass --discovery-token-unsafe-skip-ca-verification flag to continue"))
	}
	if !bootstraputil.IsValidBootstrapToken(t.Token) {
		errs = append(errs, errors.New("discovery.bootstrapToken.token: Invalid value: the bootstrap token is invalid"))
	}
	if !bootstraputil.IsValidBootstrapToken(d.TLSBootstrapToken) {
		errs = append(errs, errors.New("discovery.tlsBootstrapToken: Invalid value: the bootstrap token is invalid"))
	}
	if _, _, err := net.SplitHostPort(t.APIServerEndpoint); err != nil {
		errs = append(errs, fmt.Errorf("discovery.bootstrapToken.apiServerEndpoint: Invalid value: %q: %w", t.APIServerEndpoint, err))
	}
	return errs
}

func validateFile(p *shell.Proc, d discovery) []error {
	var errs []error
	parsed, err := url.Parse(d.File.KubeConfigPath)
	switch {
	case err != nil || (parsed.Scheme == "" && !p.FS.Exists(p.Path(d.File.KubeConfigPath))):
		errs = append(errs, fmt.Errorf("discovery.file.kubeConfigPath: Invalid value: %q: not a valid HTTPS URL or a file on disk", d.File.KubeConfigPath))
	case parsed.Scheme != "":
		errs = append(errs, fmt.Errorf("discovery.file.kubeConfigPath: hollow machines read files on disk only, not %q", d.File.KubeConfigPath))
	}
	if d.TLSBootstrapToken != "" && !bootstraputil.IsValidBootstrapToken(d.TLSBootstrapToken) {
		errs = append(errs, errors.New("discovery.file.tlsBootstrapToken: Invalid value: the bootstrap token is invalid"))
	}
	return errs
}
