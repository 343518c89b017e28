package ccm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/process"
)

// cloudConfig tells AWS's cloud controller manager what it would ask the metadata service of
// a control-plane node for, and where EC2 is. VPC and subnet serve load balancers only, which
// are switched off. Filled in: region, EC2's URL.
const cloudConfig = `[Global]
Region = %[1]s
VPC = vpc-00000000000000000
SubnetID = subnet-00000000000000000
KubernetesClusterID = seed

[ServiceOverride "1"]
Service = EC2
Region = %[1]s
URL = %[2]s
SigningRegion = %[1]s
SigningName = ec2
`

// startManager starts AWS's cloud controller manager and returns how to end it.
func startManager(e *env.Env, logs string) (stop func()) {
	program := filepath.Join(e.Binaries.Root, "bin", "aws-cloud-controller-manager")
	Expect(program).To(BeARegularFile(), "run `make ccm`, which builds it")
	config := filepath.Join(logs, "cloud.conf")
	Expect(os.WriteFile(config, fmt.Appendf(nil, cloudConfig, region, e.AWS.URL), 0o600)).To(Succeed())
	manager, err := process.Start(process.Spec{
		Path: program,
		Args: []string{
			"--cloud-provider=aws", "--cloud-config=" + config, "--kubeconfig=" + e.Kubeconfig(), "--leader-elect=false",
			"--controllers=cloud-node-controller,cloud-node-lifecycle-controller", "--configure-cloud-routes=false",
			"--secure-port=0", "--webhook-secure-port=0", // it serves nothing here
			"--node-monitor-period=1s", "--v=2",
		},
		// The key is none that an IAM policy of this world holds.
		Env: []string{"AWS_ACCESS_KEY_ID=AKIACLOUDMANAGER0000", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true"},
		Log: filepath.Join(logs, "cloud-controller-manager.log"),
	})
	Expect(err).NotTo(HaveOccurred())
	return func() { manager.Stop(10 * time.Second) }
}
