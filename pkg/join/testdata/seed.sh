#!/bin/bash
set -ex

# Kubernetes 패키지 설치
apt-get update
apt-get install -y containerd kubelet kubeadm kubectl

# containerd 설정
containerd config default > /etc/containerd/config.toml
systemctl restart containerd

# kubeadm join 실행
kubeadm join ${CLUSTER_ENDPOINT}:6443 \
  --token ${BOOTSTRAP_TOKEN} \
  --discovery-token-ca-cert-hash sha256:${CA_CERT_HASH}
