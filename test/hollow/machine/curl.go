package machine

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

func (m *Machine) networkCommands() map[string]shell.Command {
	return map[string]shell.Command{"curl": m.curl, "wget": m.wget}
}

// request is one call of curl or wget.
type request struct {
	method, url, body, output string
	headers                   []string
	writeOut                  string
	fail, silent, showErrors  bool
	head, include, remoteName bool
	limit                     time.Duration
	cacert                    string // file of the certificates that are trusted, empty for those of the system
	// configs are files with more flags; user is "name:password", signature what --aws-sigv4 says.
	configs         []string
	user, signature string
}

// requestTime is how long a request without a limit of its own may take.
const requestTime = 30 * time.Second

// curlValues are the flags of curl that take a value and that do not change anything here.
const curlValues = " --retry --retry-delay --retry-max-time --capath --cert --key -A --user-agent -e --noproxy --proxy -x --resolve --limit-rate --interface --proto "

func (m *Machine) curl(ctx context.Context, p *shell.Proc) int {
	r := request{limit: requestTime, showErrors: true}
	for args := p.Args[1:]; len(args) > 0; {
		used, err := r.curlFlag(args)
		if err != nil {
			return p.Fail(2, "%v", err)
		}
		args = args[used:]
	}
	if err := r.readConfigs(p); err != nil {
		return p.Fail(26, "%v", err)
	}
	if r.url == "" {
		return p.Fail(2, "no URL specified!")
	}
	if !strings.Contains(r.url, "://") {
		r.url = "http://" + r.url
	}
	if r.remoteName {
		r.output = path.Base(r.url)
	}
	return m.transfer(ctx, p, r)
}

// curlFlag reads one argument, with its value when it has one, and returns how many it used.
func (r *request) curlFlag(args []string) (int, error) {
	arg := args[0]
	name, value, joined := strings.Cut(arg, "=")
	if !strings.HasPrefix(arg, "--") || !joined {
		name, value = arg, ""
	}
	switch {
	case !strings.HasPrefix(arg, "-") || arg == "-":
		r.url = arg
		return 1, nil
	case !strings.HasPrefix(arg, "--") && len(arg) > 2:
		return r.curlGroup(args)
	case r.curlSwitch(name):
		return 1, nil
	}
	used := 2
	if value != "" {
		used = 1
	} else if len(args) > 1 {
		value = args[1]
	} else {
		return 0, fmt.Errorf("option %s: requires parameter", name)
	}
	return used, r.curlValue(name, value)
}

// curlGroup reads short flags written together, as -sSfLo FILE; the value of the last may be joined to it.
func (r *request) curlGroup(args []string) (int, error) {
	for i := 1; i < len(args[0]); i++ {
		flag := "-" + args[0][i:i+1]
		if r.curlSwitch(flag) {
			continue
		}
		if rest := args[0][i+1:]; rest != "" {
			return 1, r.curlValue(flag, rest)
		}
		if len(args) < 2 {
			return 0, fmt.Errorf("option %s: requires parameter", flag)
		}
		return 2, r.curlValue(flag, args[1])
	}
	return 1, nil
}

func (r *request) curlSwitch(flag string) bool {
	switch flag {
	case "-s", "--silent":
		r.silent, r.showErrors = true, false
	case "-S", "--show-error":
		r.showErrors = true
	case "-f", "--fail", "--fail-with-body":
		r.fail = true
	case "-I", "--head":
		r.head = true
	case "-i", "--include":
		r.include = true
	case "-O", "--remote-name":
		r.remoteName = true
	case "-L", "--location", "-k", "--insecure", "-4", "-6", "-#", "-v", "--compressed", "--retry-connrefused", "--retry-all-errors", "--tlsv1.2", "--proto-default", "-g", "-N", "-q":
	default:
		return false
	}
	return true
}

func (r *request) curlValue(flag, value string) error {
	switch flag {
	case "-X", "--request":
		r.method = value
	case "-H", "--header":
		r.headers = append(r.headers, value)
	case "-o", "--output":
		r.output = value
	case "-d", "--data", "--data-raw", "--data-binary":
		r.body = value
	case "-w", "--write-out":
		r.writeOut = value
	case "--url":
		r.url = value
	case "--cacert":
		r.cacert = value
	case "-m", "--max-time", "--connect-timeout":
		return r.setLimit(flag, value)
	default:
		return r.rareValue(flag, value)
	}
	return nil
}

// rareValue takes the flags that a signed request needs and those that change nothing here.
func (r *request) rareValue(flag, value string) error {
	if !r.signatureValue(flag, value) && !strings.Contains(curlValues, " "+flag+" ") {
		return fmt.Errorf("option %s: is unknown", flag)
	}
	return nil
}

func (r *request) setLimit(flag, value string) error {
	limit, err := time.ParseDuration(value + "s")
	if err != nil {
		return fmt.Errorf("option %s: expected a proper numerical parameter", flag)
	}
	r.limit = min(r.limit, limit)
	return nil
}

// transfer makes the request and writes what comes back.
func (m *Machine) transfer(ctx context.Context, p *shell.Proc, r request) int {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	ctx, err := r.trusting(ctx, p)
	if err != nil {
		return r.failed(p, 77, err.Error())
	}
	response, err := m.ask(ctx, p, r)
	if err != nil {
		status, text := m.network.describe(err, r.host())
		return r.failed(p, status, text)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return r.failed(p, 18, err.Error())
	}
	if r.fail && response.StatusCode >= http.StatusBadRequest {
		r.report(p, response)
		return r.failed(p, 22, fmt.Sprintf("The requested URL returned error: %d", response.StatusCode))
	}
	if r.head || r.include {
		body = append([]byte(fmt.Sprintf("HTTP/1.1 %d %s\r\n\r\n", response.StatusCode, http.StatusText(response.StatusCode))), body...)
	}
	if status := r.keep(p, body); status != 0 {
		return status
	}
	r.report(p, response)
	return 0
}

// keep writes what came to where it is wanted.
func (r request) keep(p *shell.Proc, body []byte) int {
	if r.output == "" || r.output == "-" {
		_, _ = p.Stdout.Write(body)
		return 0
	}
	if err := p.WriteFile(r.output, body, 0o644); err != nil {
		return p.Fail(23, "(23) Failure writing output to %s: %s", r.output, shell.Reason(err))
	}
	return 0
}

// failed ends with one of curl's statuses, and says why unless the call is silent.
func (r request) failed(p *shell.Proc, status int, text string) int {
	if r.showErrors {
		return p.Fail(status, "(%d) %s", status, text)
	}
	return status
}

func (r request) report(p *shell.Proc, response *http.Response) {
	if r.writeOut != "" {
		p.Printf("%s", strings.NewReplacer("%{http_code}", fmt.Sprint(response.StatusCode), "%{response_code}", fmt.Sprint(response.StatusCode), `\n`, "\n").Replace(r.writeOut))
	}
}

func (r request) host() string {
	_, rest, _ := strings.Cut(r.url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

func (m *Machine) ask(ctx context.Context, p *shell.Proc, r request) (*http.Response, error) {
	if err := m.leads(p.Getenv, r.url); err != nil {
		return nil, err
	}
	method := r.method
	switch {
	case method != "":
	case r.head:
		method = http.MethodHead
	case r.body != "":
		method = http.MethodPost
	default:
		method = http.MethodGet
	}
	call, err := http.NewRequestWithContext(ctx, method, r.url, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for _, header := range r.headers {
		name, value, _ := strings.Cut(header, ":")
		call.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if err := r.sign(ctx, call); err != nil {
		return nil, err
	}
	return (&http.Client{Transport: m.network}).Do(call)
}

// wget knows -q, -O, --header, --method and the flags of patience.
func (m *Machine) wget(ctx context.Context, p *shell.Proc) int {
	r := request{limit: requestTime, fail: true, showErrors: true, remoteName: true}
	for args := p.Args[1:]; len(args) > 0; {
		args = args[r.wgetFlag(args):]
	}
	if r.url == "" {
		return p.Fail(1, "missing URL")
	}
	if r.remoteName {
		r.output = path.Base(r.url)
	}
	if status := m.transfer(ctx, p, r); status != 0 {
		return 8
	}
	return 0
}

// wgetFlag reads one argument, with its value when it has one, and returns how many it used.
func (r *request) wgetFlag(args []string) int {
	name, value, _ := strings.Cut(args[0], "=")
	switch name {
	case "--header":
		r.headers = append(r.headers, value)
	case "--method":
		r.method = value
	case "--output-document":
		r.output, r.remoteName = value, false
	}
	switch {
	case !strings.HasPrefix(name, "-"):
		r.url = args[0]
	case !strings.HasPrefix(name, "--") && strings.Contains(name, "O"):
		_, r.output, _ = strings.Cut(args[0], "O")
		r.remoteName = false
		if r.output == "" && len(args) > 1 {
			r.output = args[1]
			return 2
		}
	}
	return 1
}
