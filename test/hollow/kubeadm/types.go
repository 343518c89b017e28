package kubeadm

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// joinConfiguration holds the fields of kubeadm's JoinConfiguration that matter for a
// worker, in the shape of v1beta4. Fields that are here only to be known are not acted on.
type joinConfiguration struct {
	metav1.TypeMeta  `json:",inline"`
	DryRun           bool             `json:"dryRun,omitempty"`
	NodeRegistration nodeRegistration `json:"nodeRegistration,omitempty"`
	CACertPath       string           `json:"caCertPath,omitempty"`
	Discovery        discovery        `json:"discovery"`
	ControlPlane     *controlPlane    `json:"controlPlane,omitempty"`
	SkipPhases       []string         `json:"skipPhases,omitempty"`
	Patches          *patchesOf       `json:"patches,omitempty"`
	Timeouts         *timeouts        `json:"timeouts,omitempty"`
}

type controlPlane struct {
	LocalAPIEndpoint map[string]any `json:"localAPIEndpoint,omitempty"`
	CertificateKey   string         `json:"certificateKey,omitempty"`
}

type patchesOf struct {
	Directory string `json:"directory,omitempty"`
}

type nodeRegistration struct {
	Name                  string         `json:"name,omitempty"`
	CRISocket             string         `json:"criSocket,omitempty"`
	Taints                []corev1.Taint `json:"taints"`
	KubeletExtraArgs      []arg          `json:"kubeletExtraArgs,omitempty"`
	IgnorePreflightErrors []string       `json:"ignorePreflightErrors,omitempty"`
	ImagePullPolicy       string         `json:"imagePullPolicy,omitempty"`
	ImagePullSerial       *bool          `json:"imagePullSerial,omitempty"`
}

// arg is one argument of the kubelet, without dashes.
type arg struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type discovery struct {
	BootstrapToken    *tokenDiscovery `json:"bootstrapToken,omitempty"`
	File              *fileDiscovery  `json:"file,omitempty"`
	TLSBootstrapToken string          `json:"tlsBootstrapToken,omitempty"`
}

type tokenDiscovery struct {
	Token                    string   `json:"token"`
	APIServerEndpoint        string   `json:"apiServerEndpoint,omitempty"`
	CACertHashes             []string `json:"caCertHashes,omitempty"`
	UnsafeSkipCAVerification bool     `json:"unsafeSkipCAVerification,omitempty"`
}

type fileDiscovery struct {
	KubeConfigPath string `json:"kubeConfigPath"`
}

type timeouts struct {
	ControlPlaneComponentHealthCheck *metav1.Duration `json:"controlPlaneComponentHealthCheck,omitempty"`
	KubeletHealthCheck               *metav1.Duration `json:"kubeletHealthCheck,omitempty"`
	KubernetesAPICall                *metav1.Duration `json:"kubernetesAPICall,omitempty"`
	EtcdAPICall                      *metav1.Duration `json:"etcdAPICall,omitempty"`
	TLSBootstrap                     *metav1.Duration `json:"tlsBootstrap,omitempty"`
	Discovery                        *metav1.Duration `json:"discovery,omitempty"`
	UpgradeManifests                 *metav1.Duration `json:"upgradeManifests,omitempty"`
}

// joinV1beta3 is the older shape: arguments are a map and there is one timeout.
type joinV1beta3 struct {
	metav1.TypeMeta  `json:",inline"`
	NodeRegistration registrationV1beta3 `json:"nodeRegistration,omitempty"`
	CACertPath       string              `json:"caCertPath,omitempty"`
	Discovery        discoveryV1beta3    `json:"discovery"`
	ControlPlane     *controlPlane       `json:"controlPlane,omitempty"`
	SkipPhases       []string            `json:"skipPhases,omitempty"`
	Patches          *patchesOf          `json:"patches,omitempty"`
}

type registrationV1beta3 struct {
	Name                  string            `json:"name,omitempty"`
	CRISocket             string            `json:"criSocket,omitempty"`
	Taints                []corev1.Taint    `json:"taints"`
	KubeletExtraArgs      map[string]string `json:"kubeletExtraArgs,omitempty"`
	IgnorePreflightErrors []string          `json:"ignorePreflightErrors,omitempty"`
	ImagePullPolicy       string            `json:"imagePullPolicy,omitempty"`
}

type discoveryV1beta3 struct {
	BootstrapToken    *tokenDiscovery  `json:"bootstrapToken,omitempty"`
	File              *fileDiscovery   `json:"file,omitempty"`
	TLSBootstrapToken string           `json:"tlsBootstrapToken,omitempty"`
	Timeout           *metav1.Duration `json:"timeout,omitempty"`
}
