package machine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"slices"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// openssl knows the pipeline of kubeadm's manual that makes a CA pin:
// `x509 -pubkey`, then `rsa|pkey|ec -pubin -outform der`, then `dgst -sha256 -hex`.
func (m *Machine) openssl(_ context.Context, p *shell.Proc) int {
	if len(p.Args) < 2 {
		return p.Fail(1, "no command")
	}
	name := "-"
	if at := slices.Index(p.Args, "-in"); at > 0 && at+1 < len(p.Args) {
		name = p.Args[at+1]
	}
	content, err := p.ReadFile(name)
	if err != nil {
		return p.Fail(1, "Can't open %q for reading: %s", name, shell.Reason(err))
	}
	for _, known := range []struct {
		command, flag string
		run           func(*shell.Proc, []byte) int
	}{{"x509", "-pubkey", publicKey}, {"rsa", "-pubin", derKey}, {"pkey", "-pubin", derKey}, {"ec", "-pubin", derKey}, {"dgst", "-sha256", hash}} {
		if p.Args[1] == known.command && slices.Contains(p.Args, known.flag) {
			return known.run(p, content)
		}
	}
	return p.Fail(1, "hollow machines know x509 -pubkey, pkey -pubin and dgst -sha256 only, not: %s", p.Args[1])
}

func derKey(p *shell.Proc, content []byte) int {
	block, _ := pem.Decode(content)
	if block == nil {
		return p.Fail(1, "Could not read public key")
	}
	_, _ = p.Stdout.Write(block.Bytes)
	return 0
}

func hash(p *shell.Proc, content []byte) int {
	sum := sha256.Sum256(content)
	p.Printf("SHA2-256(stdin)= %s\n", hex.EncodeToString(sum[:]))
	return 0
}

func publicKey(p *shell.Proc, content []byte) int {
	block, _ := pem.Decode(bytes.TrimSpace(content))
	if block == nil {
		return p.Fail(1, "Could not read certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return p.Fail(1, "Could not read certificate: %v", err)
	}
	_, _ = p.Stdout.Write(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: cert.RawSubjectPublicKeyInfo}))
	return 0
}
