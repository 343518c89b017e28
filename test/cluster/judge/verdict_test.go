package judge

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/tools/clientcmd"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	kubeadmapi "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	"k8s.io/kubernetes/cmd/kubeadm/app/componentconfigs"
	kubeletphase "k8s.io/kubernetes/cmd/kubeadm/app/phases/kubelet"
	kubeadmconfig "k8s.io/kubernetes/cmd/kubeadm/app/util/config"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	kubeletvalidation "k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	"k8s.io/kubernetes/pkg/kubelet/eviction"
)

const (
	nodeName   = "ip-10-0-1-23.ap-northeast-2.compute.internal"
	providerID = "aws:///ap-northeast-2a/i-0123456789abcdef0"
	// folder is where our script keeps kubeadm's files.
	folder = "/run/karpenter-join"
	// patience is what we ask of kubeadm, so that a controller that is down may come back.
	patience = 20 * time.Minute
)

// onMachine is what the script puts in the place of its words.
var onMachine = strings.NewReplacer(
	"__NODE_NAME__", nodeName,
	"__PROVIDER_ID__", providerID,
	"__MACHINE_LABELS__", "topology.kubernetes.io/zone=ap-northeast-2a,topology.kubernetes.io/region=ap-northeast-2,node.kubernetes.io/instance-type=t3.large",
	"__TOKEN__", "abcdef.0123456789abcdef",
)

// judge returns why kubeadm or kubelet would refuse what a script tells them.
func judge(t *testing.T, settings map[string]string) error {
	t.Helper()
	dir := t.TempDir()
	if flags := settings["kubelet_flags"]; flags != "" {
		return judgeFlags(strings.Fields(onMachine.Replace(flags)))
	}
	for name, content := range map[string]string{
		"discovery.conf":                    settings["discovery_config"],
		"join.yaml":                         settings["kubeadm_config"],
		"patches/" + settings["patch_file"]: settings["kubelet_patch"],
	} {
		file := filepath.Join(dir, name)
		content = strings.ReplaceAll(onMachine.Replace(content), folder, dir)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600)); err != nil {
			return err
		}
	}
	join, err := judgeJoin(dir)
	if err != nil {
		return err
	}
	return judgeKubelet(join)
}

// judgeJoin reads join.yaml once as `kubeadm config validate` does, which is strict, and
// once as `kubeadm join --config` does.
func judgeJoin(dir string) (*kubeadmapi.JoinConfiguration, error) {
	text, err := os.ReadFile(filepath.Join(dir, "join.yaml"))
	if err != nil {
		return nil, err
	}
	if err := kubeadmconfig.ValidateConfig(text, true, false); err != nil {
		return nil, fmt.Errorf("validating: %w", err)
	}
	join, err := kubeadmconfig.BytesToJoinConfiguration(text, kubeadmconfig.LoadOrDefaultConfigurationOptions{SkipCRIDetect: true})
	if err != nil {
		return nil, fmt.Errorf("loading: %w", err)
	}
	// v1beta3 has no timeout of the certificate; our script tries several times for it.
	if got := join.Timeouts.Discovery.Duration; got != patience {
		return nil, fmt.Errorf("kubeadm waits %s for the cluster, not %s", got, patience)
	}
	if got := join.Timeouts.TLSBootstrap.Duration; got != patience && !strings.Contains(string(text), "kubeadm.k8s.io/v1beta3\n") {
		return nil, fmt.Errorf("kubeadm waits %s for the certificate, not %s", got, patience)
	}
	if join.NodeRegistration.Name != nodeName {
		return nil, fmt.Errorf("the node would be %q", join.NodeRegistration.Name)
	}
	if socket := join.NodeRegistration.CRISocket; !strings.Contains(string(text), " "+socket+"\n") {
		return nil, fmt.Errorf("kubeadm makes %s of the CRI socket", socket)
	}
	return join, judgeDiscovery(join)
}

func judgeDiscovery(join *kubeadmapi.JoinConfiguration) error {
	config, err := clientcmd.LoadFromFile(join.Discovery.File.KubeConfigPath)
	if err != nil {
		return fmt.Errorf("reading discovery kubeconfig: %w", err)
	}
	if err := clientcmd.ConfirmUsable(*config, ""); err != nil {
		return fmt.Errorf("reading discovery kubeconfig: %w", err)
	}
	// kubeadm takes the token of the file for the certificate too.
	if token := join.Discovery.TLSBootstrapToken; token != "" {
		return errors.New("the token stands in the configuration, which is no secret")
	}
	return nil
}

// judgeKubelet has kubeadm write what it writes for kubelet on a machine that joins a stock
// cluster, and has kubelet read it.
func judgeKubelet(join *kubeadmapi.JoinConfiguration) error {
	stock, err := kubeadmconfig.DefaultedStaticInitConfiguration()
	if err != nil {
		return err
	}
	componentconfigs.Default(&stock.ClusterConfiguration, &stock.LocalAPIEndpoint, &stock.NodeRegistration)
	dir := filepath.Join(join.Patches.Directory, "..", "kubelet")
	socket := &kubeletv1beta1.KubeletConfiguration{ContainerRuntimeEndpoint: join.NodeRegistration.CRISocket}
	if err := kubeletphase.WriteInstanceConfigToDisk(socket, dir); err != nil {
		return fmt.Errorf("writing kubelet's configuration: %w", err)
	}
	var said strings.Builder
	if err := kubeletphase.WriteConfigToDisk(&stock.ClusterConfiguration, dir, join.Patches.Directory, &said); err != nil {
		return fmt.Errorf("patching kubelet's configuration: %w", err)
	}
	// A file by another name is no error to kubeadm: it passes over it.
	if !strings.Contains(said.String(), `Applied patch of type "application/json-patch+json" to target "kubeletconfiguration"`) {
		return fmt.Errorf("kubeadm does not apply the patch: %s", said.String())
	}
	written, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
	if err != nil {
		return err
	}
	if err := judgeKubeletConfiguration(written); err != nil {
		return err
	}
	if err := kubeletphase.WriteKubeletDynamicEnvFile(&stock.ClusterConfiguration, &join.NodeRegistration, true, dir); err != nil {
		return fmt.Errorf("writing kubelet's flags: %w", err)
	}
	environment, err := os.ReadFile(filepath.Join(dir, "kubeadm-flags.env"))
	if err != nil {
		return err
	}
	line := strings.TrimSpace(strings.TrimPrefix(string(environment), "KUBELET_KUBEADM_ARGS="))
	return judgeFlags(strings.Fields(strings.Trim(line, `"`)))
}

// judgeKubeletConfiguration decodes strictly and validates as kubelet does.
func judgeKubeletConfiguration(text []byte) error {
	_, codecs, err := kubeletscheme.NewSchemeAndCodecs(serializer.EnableStrict)
	if err != nil {
		return err
	}
	var config kubeletconfig.KubeletConfiguration
	if err := runtime.DecodeInto(codecs.UniversalDecoder(), text, &config); err != nil {
		return fmt.Errorf("decoding kubelet's configuration: %w", err)
	}
	if err := validate(&config); err != nil {
		return fmt.Errorf("validating kubelet's configuration: %w", err)
	}
	return nil
}

// validate is kubelet's validation, without its look at the machine it runs on: that is not
// the node.
func validate(config *kubeletconfig.KubeletConfiguration) error {
	config.FailCgroupV1 = false
	_, err := eviction.ParseThresholdConfig(config.EnforceNodeAllocatable, config.EvictionHard, config.EvictionSoft,
		config.EvictionSoftGracePeriod, config.EvictionMinimumReclaim) // kubelet does so when it starts
	return errors.Join(kubeletvalidation.ValidateKubeletConfiguration(config, utilfeature.DefaultFeatureGate), err)
}

// judgeFlags parses kubelet's command line as kubelet does, and validates what comes of it.
func judgeFlags(args []string) error {
	flags := options.NewKubeletFlags()
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		return err
	}
	set := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	set.SetOutput(io.Discard) // which flags are deprecated
	flags.AddFlags(set)
	options.AddKubeletConfigFlags(set, config)
	if err := set.Parse(args); err != nil {
		return fmt.Errorf("parsing kubelet's flags: %w", err)
	}
	if rest := set.Args(); len(rest) > 0 {
		return fmt.Errorf("parsing kubelet's flags: %q is none", rest[0])
	}
	if err := options.ValidateKubeletFlags(flags); err != nil {
		return fmt.Errorf("validating kubelet's flags: %w", err)
	}
	if config.ProviderID != providerID {
		return fmt.Errorf("kubelet would register with the provider ID %q", config.ProviderID)
	}
	if len(config.RegisterWithTaints) == 0 {
		return errors.New("kubelet would register without a taint")
	}
	if err := validate(config); err != nil {
		return fmt.Errorf("validating kubelet's flags: %w", err)
	}
	return nil
}
