# token fetches what the machine joins with from a parameter, with the credentials of the
# instance's role. Neither is ever an argument of a program, which others could see.
# curl before 7.86 does not sign the session's token; AWS decides whether it minds.
token() {
  local answer value left=5
  if [[ $token_parameter == *__INSTANCE_ID__* ]]; then
    token_parameter=${token_parameter//__INSTANCE_ID__/"${provider_id##*/}"}
    # It is written when the controller knows of this instance. The controller may be away for
    # ten minutes; after fifteen nobody waits for this node any more.
    left=180
  fi
  # What permits reading it may be new, too.
  until answer=$(parameter); do
    left=$((left - 1))
    if [ "$left" -eq 0 ]; then
      report token error "the parameter $token_parameter cannot be read"
      return 1
    fi
    sleep 5
  done
  value=$(field Value "$answer")
  if [[ ! $value =~ ^[a-z0-9]{6}\.[a-z0-9]{16}$ ]]; then
    report token error "the parameter $token_parameter holds no token"
    return 1
  fi
  discovery_config=${discovery_config//__TOKEN__/"$value"}
}

# parameter prints Systems Manager's answer.
parameter() {
  local role credentials
  role=$(metadata iam/security-credentials/) || {
    report token error 'the instance profile has no role'
    return 1
  }
  credentials=$(metadata "iam/security-credentials/$role") || return 1
  printf 'user = "%s:%s"\nheader = "X-Amz-Security-Token: %s"\n' \
    "$(field AccessKeyId "$credentials")" "$(field SecretAccessKey "$credentials")" "$(field Token "$credentials")" |
    curl -fsS --max-time 20 --config - --aws-sigv4 "aws:amz:$region:ssm" \
      -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AmazonSSM.GetParameter' \
      -d "{\"Name\":\"$token_parameter\",\"WithDecryption\":true}" "https://ssm.$region.$aws_domain/"
}

# field NAME JSON prints the text that is called NAME. Credentials and tokens hold no quotes.
field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" <<<"$2"; }
