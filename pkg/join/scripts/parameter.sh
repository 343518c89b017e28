# token fetches what the machine joins with from a parameter, with the credentials of the
# instance's role. Neither is ever an argument of a program, which others could see.
# curl before 7.86 does not sign the session's token; AWS decides whether it minds.
token() {
  local role credentials answer value
  role=$(metadata iam/security-credentials/) || {
    report token error 'the instance profile has no role'
    return 1
  }
  credentials=$(metadata "iam/security-credentials/$role")
  # The parameter is written before the launch, but what permits reading it may be new.
  answer=$(retry parameter "$credentials")
  value=$(field Value "$answer")
  if [[ ! $value =~ ^[a-z0-9]{6}\.[a-z0-9]{16}$ ]]; then
    report token error "the parameter $token_parameter holds no token"
    return 1
  fi
  discovery_config=${discovery_config//__TOKEN__/"$value"}
}

# parameter CREDENTIALS prints Systems Manager's answer.
parameter() {
  printf 'user = "%s:%s"\nheader = "X-Amz-Security-Token: %s"\n' \
    "$(field AccessKeyId "$1")" "$(field SecretAccessKey "$1")" "$(field Token "$1")" |
    curl -fsS --max-time 20 --config - --aws-sigv4 "aws:amz:$region:ssm" \
      -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AmazonSSM.GetParameter' \
      -d "{\"Name\":\"$token_parameter\",\"WithDecryption\":true}" "https://ssm.$region.$aws_domain/"
}

# field NAME JSON prints the text that is called NAME. Credentials and tokens hold no quotes.
field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" <<<"$2"; }
