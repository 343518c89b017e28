package plane

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
)

// retarget makes all clusters of a kubeconfig file point to the API server at endpoint: for programs beside the
// API server kubeadm writes the advertised address, which does not exist here.
func retarget(path, endpoint string) error {
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return fmt.Errorf("reading a kubeconfig: %w", err)
	}
	for _, cluster := range config.Clusters {
		cluster.Server = "https://" + endpoint
	}
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("writing a kubeconfig: %w", err)
	}
	return nil
}
