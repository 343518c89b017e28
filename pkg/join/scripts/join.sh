# What is secret lies in memory, readable by root only, until this script ends.
join() {
  if [ -f /etc/kubernetes/kubelet.conf ]; then return 0; fi
  mkdir -p "$work/patches"
  chmod 0700 "$work"
  touch "$work/discovery.conf"
  chmod 0600 "$work/discovery.conf"
  printf '%s\n' "$discovery_config" >"$work/discovery.conf"
  fill_in "$kubeadm_config" >"$work/join.yaml"
  printf '%s\n' "$kubelet_patch" >"$work/patches/kubeletconfiguration+json.json"
  systemctl enable kubelet
  # kubeadm before 1.31 waits five minutes for the certificate, so there is more than one attempt.
  local attempt
  for attempt in 1 2 3 4; do
    if kubeadm join --config "$work/join.yaml"; then return 0; fi
    report join error "attempt=$attempt"
    kubeadm reset --force || true
    sleep 10
  done
  return 1
}

run identity
run host-name
run swap-off
run kernel
if [ -n "${proxy_except-}" ]; then run proxy; fi
if [ "$instance_store" = true ]; then run instance-store; fi
run packages
run version
if [ -n "${registry_mirrors-}" ]; then run registry-hosts; fi
run runtime
if [ -n "${token_parameter-}" ]; then run token; fi
run join
