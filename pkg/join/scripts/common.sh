# What the scripts share: they tell the console which phase they are in, and retry.
phase=start

# report PHASE RESULT [DETAIL] writes one line for whoever reads the console. Never a secret.
report() {
  local line="karpenter-join phase=$1 result=$2"
  [ -z "${3-}" ] || line="$line $3"
  # cloud-init copies what a script prints to the console too, so it is one or the other.
  { echo "$line" >/dev/console; } 2>/dev/null || echo "$line"
}

finish() {
  local code=$?
  if [ -n "${work-}" ]; then rm -rf "$work"; fi
  if [ "$code" -ne 0 ]; then report "$phase" error "exit=$code"; fi
}
trap finish EXIT

# run PHASE does the phase, a function of that name with _ for -. A failure ends the script.
run() {
  phase=$1
  "${phase//-/_}"
  report "$phase" ok
}

# retry COMMAND... for what depends on others: five times, five seconds apart.
retry() {
  local left=5
  until "$@"; do
    left=$((left - 1))
    if [ "$left" -eq 0 ]; then return 1; fi
    sleep 5
  done
}

has() { command -v "$1" >/dev/null 2>&1; }

metadata() {
  curl -fsS --retry 10 --retry-delay 1 --max-time 10 \
    -H "X-aws-ec2-metadata-token: $metadata_token" "http://169.254.169.254/latest/meta-data/$1"
}

# identity finds out which instance this is, and from that who the node will be. The
# controller computes the same name; the one in the metadata follows the VPC's DHCP options.
identity() {
  metadata_token=$(curl -fsS --retry 10 --retry-delay 1 --max-time 10 -X PUT \
    -H 'X-aws-ec2-metadata-token-ttl-seconds: 600' http://169.254.169.254/latest/api/token)
  local instance zone address
  instance=$(metadata instance-id)
  zone=$(metadata placement/availability-zone)
  address=$(metadata local-ipv4)

  local host="ip-${address//./-}" domain="$region.compute.internal"
  if [ "$resource_naming" = true ]; then host=$instance; fi
  if [ "$region" = us-east-1 ]; then domain=ec2.internal; fi
  node_name="$host.$domain"
  provider_id="aws:///$zone/$instance"

  machine_labels="topology.kubernetes.io/zone=$zone,topology.kubernetes.io/region=$region"
  machine_labels="$machine_labels,node.kubernetes.io/instance-type=$(metadata instance-type)"
}

# fill_in TEXT puts what only this machine knows in the place of its words.
fill_in() {
  local text=$1
  text=${text//__NODE_NAME__/"$node_name"}
  text=${text//__PROVIDER_ID__/"$provider_id"}
  text=${text//__MACHINE_LABELS__/"$machine_labels"}
  printf '%s\n' "$text"
}
