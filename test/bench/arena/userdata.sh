#!/bin/bash
# Joins the cluster with what the bench minted, and says of itself what any provider asks: who it is, and that it is new.
set -e
metadata=$(curl -fsS -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 300" http://169.254.169.254/latest/api/token)
about() { curl -fsS -H "X-aws-ec2-metadata-token: $metadata" "http://169.254.169.254/latest/meta-data/$1"; }
cat >/run/join.yaml <<EOF
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: "@ENDPOINT@"
    token: "@TOKEN@"
    caCertHashes: ["@PIN@"]
nodeRegistration:
  name: "$(about local-hostname)"
  taints: [{key: karpenter.sh/unregistered, effect: NoExecute}]
  kubeletExtraArgs:
  - {name: provider-id, value: "aws:///$(about placement/availability-zone)/$(about instance-id)"}
EOF
kubeadm join --config /run/join.yaml
