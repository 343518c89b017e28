package kubelet

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// flags are the arguments of the kubelet that are acted on.
type flags struct {
	config, kubeconfig, bootstrap, certDir              string
	hostname, nodeIP, providerID, cloudProvider, taints string
	labels, kubeReserved, systemReserved                map[string]string
	evictionHard                                        string
	cgroupDriver, runtime                               string
	maxPods                                             int32
	failSwapOn, register, rotateServer, version         bool
	given                                               map[string]bool
}

// otherFlags lists flags of the kubelet, as of 1.36, that change nothing of a hollow node.
const otherFlags = `address allowed-unsafe-sysctls authentication-token-webhook-cache-ttl authorization-mode authorization-webhook-cache-authorized-ttl
 authorization-webhook-cache-unauthorized-ttl cgroup-root client-ca-file cluster-dns cluster-domain config-dir container-log-max-files container-log-max-size
 cpu-cfs-quota-period cpu-manager-policy cpu-manager-policy-options cpu-manager-reconcile-period enforce-node-allocatable event-burst event-qps
 eviction-max-pod-grace-period eviction-minimum-reclaim eviction-pressure-transition-period eviction-soft eviction-soft-grace-period experimental-mounter-path
 feature-gates file-check-frequency hairpin-mode healthz-bind-address healthz-port http-check-frequency image-credential-provider-bin-dir
 image-credential-provider-config image-gc-high-threshold image-gc-low-threshold image-service-endpoint kube-api-burst kube-api-content-type kube-api-qps
 kube-reserved-cgroup kubelet-cgroups lock-file manifest-url manifest-url-header max-open-files maximum-dead-containers
 maximum-dead-containers-per-container memory-manager-policy minimum-container-ttl-duration minimum-image-ttl-duration node-status-max-images
 node-status-update-frequency oom-score-adj pod-cidr pod-manifest-path pod-max-pids pods-per-core port qos-reserved read-only-port registry-burst registry-qps
 reserved-cpus reserved-memory resolv-conf root-dir runtime-cgroups runtime-request-timeout streaming-connection-idle-timeout sync-frequency system-cgroups
 system-reserved-cgroup tls-cert-file tls-cipher-suites tls-min-version tls-private-key-file topology-manager-policy topology-manager-policy-options
 topology-manager-scope volume-plugin-dir volume-stats-agg-period v logging-format log-flush-frequency vmodule`

// otherSwitches are likewise, but need no value.
const otherSwitches = `anonymous-auth authentication-token-webhook cgroups-per-qos contention-profiling cpu-cfs-quota enable-controller-attach-detach
 enable-debugging-handlers enable-server exit-on-lock-contention fail-cgroupv1 kernel-memcg-notification local-storage-capacity-isolation
 make-iptables-util-chains protect-kernel-defaults rotate-certificates runonce seccomp-default serialize-image-pulls`

// parseFlags reads the arguments of the kubelet; one that it does not have is an error,
// among them those that were removed, as --network-plugin or --pod-infra-container-image.
func parseFlags(args []string) (flags, error) {
	f := flags{given: map[string]bool{}}
	set := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&f.config, "config", "", "")
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "")
	set.StringVar(&f.bootstrap, "bootstrap-kubeconfig", "", "")
	set.StringVar(&f.certDir, "cert-dir", "/var/lib/kubelet/pki", "")
	set.StringVar(&f.hostname, "hostname-override", "", "")
	set.StringVar(&f.nodeIP, "node-ip", "", "")
	set.StringVar(&f.providerID, "provider-id", "", "")
	set.StringVar(&f.cloudProvider, "cloud-provider", "", "")
	set.StringVar(&f.taints, "register-with-taints", "", "")
	set.StringVar(&f.evictionHard, "eviction-hard", "", "")
	set.StringVar(&f.cgroupDriver, "cgroup-driver", "", "")
	set.StringVar(&f.runtime, "container-runtime-endpoint", "", "")
	set.Int32Var(&f.maxPods, "max-pods", 0, "")
	set.BoolVar(&f.failSwapOn, "fail-swap-on", true, "")
	set.BoolVar(&f.register, "register-node", true, "")
	set.BoolVar(&f.rotateServer, "rotate-server-certificates", false, "")
	set.BoolVar(&f.version, "version", false, "")
	labels, kubeReserved, systemReserved := set.StringArray("node-labels", nil, ""), set.String("kube-reserved", "", ""), set.String("system-reserved", "", "")
	for _, name := range strings.Fields(otherFlags) {
		set.StringP(name, map[string]string{"v": "v"}[name], "", "")
	}
	for _, name := range strings.Fields(otherSwitches) {
		set.Bool(name, false, "")
	}
	if err := set.Parse(args); err != nil {
		return f, fmt.Errorf("failed to parse kubelet flag: %w", err)
	}
	if set.NArg() > 0 {
		return f, fmt.Errorf("unknown command %v", set.Args())
	}
	set.Visit(func(given *pflag.Flag) { f.given[given.Name] = true })
	return f, f.maps(*labels, *kubeReserved, *systemReserved)
}

// maps reads the flags that hold pairs.
func (f *flags) maps(labels []string, kubeReserved, systemReserved string) error {
	var err error
	if f.labels, err = pairs(strings.Join(labels, ",")); err != nil {
		return fmt.Errorf("invalid argument for --node-labels: %w", err)
	}
	if f.kubeReserved, err = pairs(kubeReserved); err != nil {
		return fmt.Errorf("invalid argument for --kube-reserved: %w", err)
	}
	if f.systemReserved, err = pairs(systemReserved); err != nil {
		return fmt.Errorf("invalid argument for --system-reserved: %w", err)
	}
	return nil
}

// pairs reads "a=b,c=d".
func pairs(text string) (map[string]string, error) {
	found := map[string]string{}
	for _, pair := range strings.Split(text, ",") {
		if pair == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("malformed pair, expect string=string: %q", pair)
		}
		found[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return found, nil
}
