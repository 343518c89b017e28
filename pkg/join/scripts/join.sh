# reach tells in seconds what kubeadm would tell in minutes: whether the API server answers
# here, and proves itself by the CA that this machine was given and the clock that it has. It
# keeps nobody from joining: kubeadm asks for as long as Karpenter waits. It shows no token.
reach() {
  local left=12 code last=0 said server
  mkdir -p "$work"
  chmod 0700 "$work"
  server=$(sed -n 's/^ *server: //p' <<<"$discovery_config")
  sed -n 's/^ *certificate-authority-data: //p' <<<"$discovery_config" | base64 -d >"$work/ca.crt"
  while [ "$left" -gt 0 ]; do
    code=0
    said=$(curl -sS --max-time 5 --cacert "$work/ca.crt" -o /dev/null "$server/version" 2>&1) || code=$?
    if [ "$code" -eq 0 ]; then
      report reach ok
      return 0
    fi
    if [ "$code" -ne "$last" ]; then
      report reach error "exit=$code clock=$(date -u +%Y-%m-%dT%H:%M:%SZ) ${said%%$'\n'*}"
    fi
    last=$code left=$((left - 1))
    sleep 5
  done
}

# credentials tells whether the API server takes the token, which may be lost by now. It
# keeps nobody from joining: the controller makes a token again that somebody deleted.
credentials() {
  local status
  status=$(sed -n 's/^ *token: \(.*\)/header = "Authorization: Bearer \1"/p' <<<"$discovery_config" |
    curl -sS --max-time 5 --config - --cacert "$work/ca.crt" -o /dev/null -w '%{http_code}' "$1/version" 2>/dev/null) || return 0
  if [ "$status" = 401 ]; then report credentials error "http=$status"; fi
}

# What is secret lies in memory, readable by root only, until this script ends.
join() {
  if [ -f /etc/kubernetes/kubelet.conf ]; then return 0; fi
  mkdir -p "$work/patches"
  chmod 0700 "$work"
  touch "$work/discovery.conf"
  chmod 0600 "$work/discovery.conf"
  printf '%s\n' "$discovery_config" >"$work/discovery.conf"
  credentials "$(sed -n 's/^ *server: //p' <<<"$discovery_config")"
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
phase=reach
reach
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
