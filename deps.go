//go:build deps

// Package deps keeps the modules that packages still to come will import in go.mod, so that go mod tidy does not drop them.
package deps

import (
	_ "github.com/aws/aws-sdk-go-v2/aws"
	_ "github.com/aws/aws-sdk-go-v2/config"
	_ "github.com/aws/aws-sdk-go-v2/credentials"
	_ "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	_ "github.com/aws/aws-sdk-go-v2/service/ec2"
	_ "github.com/aws/aws-sdk-go-v2/service/iam"
	_ "github.com/aws/aws-sdk-go-v2/service/pricing"
	_ "github.com/aws/aws-sdk-go-v2/service/sqs"
	_ "github.com/aws/aws-sdk-go-v2/service/ssm"
	_ "github.com/aws/aws-sdk-go-v2/service/sts"
	_ "github.com/awslabs/operatorpkg/singleton"
	_ "github.com/mitchellh/hashstructure/v2"
	_ "github.com/onsi/ginkgo/v2"
	_ "github.com/onsi/gomega"
	_ "github.com/patrickmn/go-cache"
	_ "github.com/pelletier/go-toml/v2"
	_ "github.com/samber/lo"
	_ "helm.sh/helm/v4/pkg/chart/loader"
	_ "helm.sh/helm/v4/pkg/engine"
	_ "k8s.io/cluster-bootstrap/token/jws"
	_ "k8s.io/kubelet/config/v1beta1"
	_ "k8s.io/utils/clock/testing"
	_ "mvdan.cc/sh/v3/interp"
	_ "sigs.k8s.io/controller-runtime"
	_ "sigs.k8s.io/controller-runtime/pkg/envtest"
	_ "sigs.k8s.io/karpenter/pkg/cloudprovider/metrics"
	_ "sigs.k8s.io/karpenter/pkg/cloudprovider/overlay"
	_ "sigs.k8s.io/karpenter/pkg/controllers"
	_ "sigs.k8s.io/karpenter/pkg/operator"
	_ "sigs.k8s.io/kwok/pkg/kwok/controllers"
)
