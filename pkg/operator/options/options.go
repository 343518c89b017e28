package options

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	coreoptions "sigs.k8s.io/karpenter/pkg/operator/options"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

// Values of the options that choose between a few.
const (
	Auto      = "auto"
	Kubeadm   = "kubeadm"
	EKS       = "eks"
	External  = "external"
	None      = "none"
	Karpenter = "karpenter"
	UserData  = "UserData"
	SSM       = "SSM"
	// SSMPerInstance is also what NodeClaims launched with it say.
	SSMPerInstance = v1.TokenDeliveryPerInstance
	Overlay        = "overlay"
	VPC            = "vpc"
)

// Options are the AWS provider's, then ours. Flags and environment variables are named
// after the fields, as flags says.
type Options struct {
	ClusterCABundle              string
	ClusterName                  string
	ClusterEndpoint              string
	IsolatedVPC                  bool
	EKSControlPlane              bool
	VMMemoryOverheadPercent      float64
	InterruptionQueue            string
	ReservedENIs                 int
	DisableDryRun                bool
	EnableZonalShift             bool
	AMIRefreshInterval           time.Duration
	SubnetRefreshInterval        time.Duration
	SecurityGroupRefreshInterval time.Duration
	Gates                        Gates

	BootstrapMode     string
	CloudProvider     string
	PodNetwork        string
	CSRApproval       string
	BootstrapTokenTTL time.Duration
	TokenDelivery     string
	// BootstrapTokenFile and BootstrapTokenParameter are where a token is that users rotate; at
	// most one is set.
	BootstrapTokenFile      string
	BootstrapTokenParameter string
	AdoptUntagged           bool

	// KubeletVersionSkew is by how many minors a kubelet may be older than the control plane.
	KubeletVersionSkew int

	// Sources are where nodes get packages and images from.
	Sources join.Sources

	SystemNamespace string

	gates   string
	sources sources
}

var _ coreoptions.Injectable = (*Options)(nil)

// key finds Options in a context, where core's machinery wants them.
type key struct{}

// env is the environment variable of each flag.
func env(flag string) string {
	return strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// AddFlags declares all options with their defaults.
func (o *Options) AddFlags(fs *coreoptions.FlagSet) {
	o.addUpstream(fs)
	o.addOwn(fs)
	o.sources.addFlags(fs.FlagSet)
}

// addUpstream declares the AWS provider's options.
func (o *Options) addUpstream(fs *coreoptions.FlagSet) {
	fs.StringVar(&o.ClusterCABundle, "cluster-ca-bundle", "", "The CA certificates with which nodes verify the API server, as PEM, base64 around it or not. Read from the cluster when empty.")
	fs.StringVar(&o.ClusterName, "cluster-name", "", "[REQUIRED] The cluster's name, as in the tags of what it owns in AWS. It must differ between the clusters of an account and region.")
	fs.StringVar(&o.ClusterEndpoint, "cluster-endpoint", "", "The URL at which nodes reach the API server, for example https://api.example.com:6443. Read from the cluster when empty.")
	fs.BoolVar(&o.IsolatedVPC, "isolated-vpc", false, "The VPC reaches no AWS service without a VPC endpoint: prices come from the built-in table.")
	fs.BoolVar(&o.EKSControlPlane, "eks-control-plane", false, "The control plane is EKS, of which the cluster's version and network are asked.")
	fs.Float64Var(&o.VMMemoryOverheadPercent, "vm-memory-overhead-percent", 0.075, "The share of an instance's memory, from 0 to 1, that its operating system is assumed not to see, until a node of the type has shown how much it is.")
	fs.StringVar(&o.InterruptionQueue, "interruption-queue", "", "The name of the SQS queue with EC2's interruption events. Interruptions are not handled when empty.")
	fs.IntVar(&o.ReservedENIs, "reserved-enis", 0, "How many network interfaces of an instance give no addresses to pods, where pods have the VPC's.")
	fs.BoolVar(&o.DisableDryRun, "disable-dry-run", false, "Do not find out by dry-run calls whether an EC2NodeClass can be launched.")
	fs.BoolVar(&o.EnableZonalShift, "enable-zonal-shift", false, "Launch nothing in zones that ARC has shifted away from. Not supported in kubeadm mode yet.")
	fs.DurationVar(&o.AMIRefreshInterval, "ami-refresh-interval", time.Minute, "How often images are looked up. At least 1m.")
	fs.DurationVar(&o.SubnetRefreshInterval, "subnet-refresh-interval", time.Minute, "How often subnets are looked up. At least 1m.")
	fs.DurationVar(&o.SecurityGroupRefreshInterval, "security-group-refresh-interval", time.Minute, "How often security groups are looked up. At least 1m.")
	fs.StringVar(&o.gates, "aws-feature-gates", "", "Optional features, as NAME=true,...: "+strings.Join(gateNames(), ", ")+".")
}

// addOwn declares what kubeadm clusters add.
func (o *Options) addOwn(fs *coreoptions.FlagSet) {
	fs.StringVar(&o.BootstrapMode, "bootstrap-mode", Auto, "How nodes join: kubeadm, eks, or auto, which is kubeadm exactly where kube-system/kubeadm-config can be read.")
	fs.StringVar(&o.CloudProvider, "cloud-provider", Auto, "Who initialises nodes: external (a cloud controller manager), none, or auto, which looks for one.")
	fs.StringVar(&o.PodNetwork, "pod-network", Auto, "Whose addresses pods have in kubeadm mode: overlay (nobody's in EC2: a node takes 110 pods), vpc (network interfaces', as with Amazon's VPC CNI: as many as they have), or auto, which is vpc where DaemonSet kube-system/aws-node is there. What kubelet settings say of max pods comes first.")
	fs.StringVar(&o.CSRApproval, "csr-approval", Karpenter, "Who approves nodes' certificates: karpenter, for exactly the nodes that it launched, or kubeadm, for whoever has a bootstrap token.")
	fs.DurationVar(&o.BootstrapTokenTTL, "bootstrap-token-ttl", token.DefaultTTL, "How long a bootstrap token lives; a new one takes over at half of it. At least "+token.MinTTL.String()+".")
	fs.StringVar(&o.TokenDelivery, "token-delivery", UserData, "How nodes get the bootstrap token: UserData; SSM: from a SecureString that they read with their instance role, so that user data holds no secret; or SSMPerInstance: each a token of its own, from a SecureString that it alone can read and that is gone when its node is there.")
	fs.StringVar(&o.BootstrapTokenFile, "bootstrap-token-file", "", "A file with a bootstrap token that you make and rotate, for example of a mounted Secret. It is read again when it changes. A token is made by the controller when neither this nor bootstrap-token-parameter is set.")
	fs.StringVar(&o.BootstrapTokenParameter, "bootstrap-token-parameter", "", "The name of a SecureString of Systems Manager with a bootstrap token that you make and rotate.")
	fs.BoolVar(&o.AdoptUntagged, "adopt-untagged", false, "End instances of this cluster's name that no NodeClaim has, though they do not say of which cluster they are. Safe only where no other cluster in the account and region has the name.")
	fs.IntVar(&o.KubeletVersionSkew, "kubelet-version-skew", 0, "By how many minor versions a node's kubelet may be older than the control plane before the node is replaced: 0 to 3, which is the most that Kubernetes supports.")
	fs.StringVar(&o.SystemNamespace, "system-namespace", "kube-system", "The namespace that the controller runs in.")
}

// Parse reads the environment and then args, so that flags win.
func (o *Options) Parse(fs *coreoptions.FlagSet, args ...string) error {
	var faults []error
	own := &coreoptions.FlagSet{FlagSet: flag.NewFlagSet("", flag.ContinueOnError)}
	(&Options{}).AddFlags(own)
	own.VisitAll(func(f *flag.Flag) {
		value, set := os.LookupEnv(env(f.Name))
		if !set || value == "" {
			return
		}
		if err := fs.Set(f.Name, value); err != nil {
			faults = append(faults, fmt.Errorf("%s=%q: %w", env(f.Name), value, err))
		}
	})
	if err := fs.Parse(args); err != nil {
		return errors.Join(append(faults, fmt.Errorf("command line: %w", err))...)
	}
	var err error
	if o.Gates, err = parseGates(o.gates); err != nil {
		faults = append(faults, err)
	}
	if o.Sources, err = o.sources.parse(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(append(faults, o.Validate())...)
}

// Validate reports every value that cannot be worked with, each by the name of its flag.
func (o *Options) Validate() error {
	return errors.Join(
		check("cluster-name", o.ClusterName, o.ClusterName != "", "must be set"),
		check("cluster-endpoint", o.ClusterEndpoint, o.ClusterEndpoint == "" || isURL(o.ClusterEndpoint), "must be a URL with scheme and host, for example https://api.example.com:6443"),
		check("vm-memory-overhead-percent", o.VMMemoryOverheadPercent, o.VMMemoryOverheadPercent >= 0, "must not be negative"),
		check("reserved-enis", o.ReservedENIs, o.ReservedENIs >= 0, "must not be negative"),
		check("ami-refresh-interval", o.AMIRefreshInterval, o.AMIRefreshInterval >= time.Minute, "must be at least 1m"),
		check("subnet-refresh-interval", o.SubnetRefreshInterval, o.SubnetRefreshInterval >= time.Minute, "must be at least 1m"),
		check("security-group-refresh-interval", o.SecurityGroupRefreshInterval, o.SecurityGroupRefreshInterval >= time.Minute, "must be at least 1m"),
		oneOf("bootstrap-mode", o.BootstrapMode, Auto, Kubeadm, EKS),
		oneOf("cloud-provider", o.CloudProvider, Auto, External, None),
		oneOf("pod-network", o.PodNetwork, Auto, Overlay, VPC),
		oneOf("csr-approval", o.CSRApproval, Karpenter, Kubeadm),
		oneOf("token-delivery", o.TokenDelivery, UserData, SSM, SSMPerInstance),
		check("bootstrap-token-parameter", o.BootstrapTokenParameter, o.BootstrapTokenFile == "" || o.BootstrapTokenParameter == "", "must be empty where bootstrap-token-file is set"),
		check("token-delivery", o.TokenDelivery, o.TokenDelivery != SSMPerInstance || o.BootstrapTokenFile+o.BootstrapTokenParameter == "",
			"must be UserData or SSM with a bootstrap token of yours: nobody but the controller makes one for each instance"),
		check("bootstrap-token-ttl", o.BootstrapTokenTTL, o.BootstrapTokenTTL >= token.MinTTL, "must be at least "+token.MinTTL.String()),
		check("kubelet-version-skew", o.KubeletVersionSkew, o.KubeletVersionSkew >= 0 && o.KubeletVersionSkew <= 3, "must be from 0 to 3"),
		check("system-namespace", o.SystemNamespace, o.SystemNamespace != "", "must be set"),
	)
}

func check(flag string, value any, ok bool, must string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("--%s (%s) %s, not %q", flag, env(flag), must, fmt.Sprint(value))
}

func oneOf(flag, value string, allowed ...string) error {
	return check(flag, value, slices.Contains(allowed, value), "must be one of "+strings.Join(allowed, ", "))
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && u.Host != ""
}

// ToContext is for core's machinery; nothing reads the options from a context.
func (o *Options) ToContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, key{}, o)
}
