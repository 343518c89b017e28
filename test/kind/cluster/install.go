package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// namespace and release are what users would choose.
const namespace, release = "karpenter", "karpenter"

// Product is what to install.
type Product struct {
	// Charts is the folder with both charts.
	Charts string
	// Archive is the image archive of the controller, Reference what the image in it is called: repository:tag.
	Archive, Repository, Tag string
	// Endpoint is AWS's, Region the region there.
	Endpoint, Region string
	// ClusterName is what the product calls the cluster.
	ClusterName string
}

// Install gives the nodes the controller's image and installs both charts. It returns when
// the controller is ready.
func (c *Cluster) Install(ctx context.Context, p Product) error {
	if err := c.run(ctx, "kind", "load", "image-archive", p.Archive, "--name", Name); err != nil {
		return err
	}
	values, err := json.Marshal(p.values())
	if err != nil {
		return fmt.Errorf("writing the chart's values: %w", err)
	}
	file := filepath.Join(c.dir, "values.yaml") // JSON is YAML
	if err := os.WriteFile(file, values, 0o600); err != nil {
		return fmt.Errorf("writing the chart's values: %w", err)
	}
	common := []string{"--namespace", namespace, "--create-namespace", "--wait", "--timeout", "5m"}
	if err := c.run(ctx, "helm", append([]string{"install", release + "-crd", filepath.Join(p.Charts, "karpenter-crd")}, common...)...); err != nil {
		return err
	}
	return c.run(ctx, "helm", append([]string{"install", release, filepath.Join(p.Charts, "karpenter"), "--values", file}, common...)...)
}

// values are the chart's: one replica, since there is one worker; waits that specs are not
// about are short; keys that emulators take.
func (p Product) values() map[string]any {
	variable := func(name, value string) map[string]string { return map[string]string{"name": name, "value": value} }
	return map[string]any{
		"replicas":        1,
		"imagePullPolicy": "Never",
		"settings":        map[string]any{"clusterName": p.ClusterName, "batchIdleDuration": "500ms", "batchMaxDuration": "2s"},
		"controller": map[string]any{
			"image": map[string]any{"repository": p.Repository, "tag": p.Tag},
			"env": []map[string]string{
				variable("AWS_ENDPOINT_URL", p.Endpoint), variable("AWS_REGION", p.Region), variable("AWS_EC2_METADATA_DISABLED", "true"),
				variable("AWS_ACCESS_KEY_ID", "AKIACONTROLLER000000"), variable("AWS_SECRET_ACCESS_KEY", "secret"),
			},
		},
	}
}
