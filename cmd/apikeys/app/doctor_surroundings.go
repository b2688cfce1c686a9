package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/piercloud/apikeys/pkg/oidc"
)

// Bounds of what the doctor finds fine around the service.
const (
	certificateLeft = 30 * 24 * time.Hour
	diskFree        = 1 << 30 // bytes
	issuerTimeout   = 5 * time.Second
	metadataMax     = 64 << 10
)

// orchestrated matches the variables that Kubernetes sets in every container beside a service called apikeys.
var orchestrated = regexp.MustCompile(`^` + Prefix + `(SERVICE|PORT)(_|$)`)

// checkNames looks for variables that are meant for the service but that it does not know. Nothing else would report them.
func (d *doctor) checkNames() {
	var known []string
	for _, v := range Variables() {
		known = append(known, v.Name)
		if v.Secret {
			known = append(known, v.Name+"_FILE")
		}
	}
	for _, entry := range slices.Sorted(slices.Values(os.Environ())) {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, Prefix) || orchestrated.MatchString(name) || slices.Contains(known, name) {
			continue
		}
		remedy := "remove it, or use one of the variables in README.md"
		if near := nearest(known, name); near != "" {
			remedy = "perhaps you mean " + near
		}
		d.warn("configuration", remedy, "%s is not a variable of the service", name)
	}
}

// nearest returns the known name that a name resembles, or "" if there is no obvious one. It ignores _FILE at the end, since only
// secrets may be given as files.
func nearest(known []string, name string) (near string) {
	const editsMax = 3
	name = strings.TrimSuffix(name, "_FILE")
	best := editsMax + 1
	for _, k := range known {
		if edits := editDistance(k, name); edits < best && 3*edits <= len(k)-len(Prefix) {
			near, best = k, edits
		}
	}
	return near
}

// editDistance returns how many bytes must be inserted, deleted or replaced to turn one text into the other.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1) // the distances from the part of a that was read to each prefix of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal, row[j+1] = row[j+1], min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// checkTLS checks the certificate's key, validity and name.
func (d *doctor) checkTLS() {
	if d.config.TLSCertFile == "" {
		return
	}
	const check = "TLS certificate"
	pair, err := tls.LoadX509KeyPair(d.config.TLSCertFile, d.config.TLSKeyFile)
	if err != nil {
		d.problem(check, "configure a certificate and the key that belongs to it", "can't be used: %v", err)
		return
	}
	leaf, left := pair.Leaf, time.Until(pair.Leaf.NotAfter)
	switch {
	case time.Until(leaf.NotBefore) > 0:
		d.problem(check, "use one that is valid now, or correct the clock", "is valid only from %s on", leaf.NotBefore.Format(time.DateTime))
	case left <= 0:
		d.problem(check, "renew it", "expired on %s", leaf.NotAfter.Format(time.DateOnly))
	case left < certificateLeft:
		d.warn(check, "renew it", "expires on %s", leaf.NotAfter.Format(time.DateOnly))
	case leaf.VerifyHostname(d.issuerHost()) != nil:
		d.warn(check, "get one for the host of "+Prefix+"ISSUER, unless a proxy in front of the service has it", "is not valid for %s", d.issuerHost())
	default:
		d.fine(check, "is valid for %s until %s", d.issuerHost(), leaf.NotAfter.Format(time.DateOnly))
	}
}

func (d *doctor) issuerHost() string {
	u, err := url.Parse(d.config.Issuer)
	if err != nil {
		return "" // validated before
	}
	return u.Hostname()
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// checkProxies checks whether the trusted proxies fit the way in which the service is reached.
func (d *doctor) checkProxies() {
	const check = "proxies"
	for _, p := range d.config.trustedProxies() {
		if p.Bits() == 0 {
			d.problem(check, "list only the networks of your proxies", "%sTRUSTED_PROXIES trusts %v: anybody can claim to have any address, for rate limits and in the audit log", Prefix, p)
			return
		}
	}
	host, _, _ := net.SplitHostPort(d.config.Listen) // validated before
	public := !isLocal(d.issuerHost())
	behind := public && isLocal(host) || d.config.TLSCertFile == "" && strings.HasPrefix(d.config.Issuer, "https:")
	if behind && len(d.config.TrustedProxies) == 0 {
		d.warn(check, "set "+Prefix+"TRUSTED_PROXIES to the network of the proxy",
			"%s is reached through a proxy, but none is trusted: all clients seem to have the proxy's address, for rate limits and in the audit log", d.config.Issuer)
		return
	}
	d.fine(check, "the trusted networks are plausible")
}

// checkIssuer asks the issuer's address for the service's own metadata, as clients do.
func (d *doctor) checkIssuer(ctx context.Context) {
	const check = "issuer"
	if u, err := url.Parse(d.config.Issuer); err == nil && u.Scheme == "http" && !isLocal(u.Hostname()) {
		d.warn(check, "use https", "%s is not encrypted: anybody who listens in gets the secrets", d.config.Issuer)
	}
	issuer, err := fetchIssuer(ctx, d.config.Issuer+"/.well-known/oauth-authorization-server")
	switch {
	case err != nil:
		d.warn(check, "nothing, if the service is not running, or if this machine can't reach that address", "%s does not answer: %v", d.config.Issuer, err)
	case issuer != d.config.Issuer:
		d.problem(check, "set "+Prefix+"ISSUER to the address at which clients reach the service, the same for all replicas", "the service at %s calls itself %q", d.config.Issuer, issuer)
	default:
		d.fine(check, "the service at %s has this issuer", issuer)
	}
}

func fetchIssuer(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", response.StatusCode)
	}
	var metadata struct{ Issuer string }
	if err := json.NewDecoder(io.LimitReader(response.Body, metadataMax)).Decode(&metadata); err != nil {
		return "", fmt.Errorf("the answer is not metadata: %w", err)
	}
	return metadata.Issuer, nil
}

// checkProvider looks for the OpenID Connect provider, as the first sign-in does. Only a sign-in can tell whether the provider
// knows the client.
func (d *doctor) checkProvider(ctx context.Context) {
	if d.config.OIDCIssuer == "" {
		return
	}
	const check = "OpenID Connect"
	provider, err := d.config.provider()
	if err != nil {
		d.problem(check, "set it as described in README.md", "%v", err)
		return
	}
	if err := oidc.New(provider, nil, nil, time.Now).Discover(ctx); err != nil {
		d.problem(check, "check "+Prefix+"OIDC_ISSUER, which must be what the provider calls itself, and the network", "nobody can sign in with %s: %v", d.config.OIDCIssuer, err)
		return
	}
	d.fine(check, "%s answers; register %s there as the redirect URI", d.config.OIDCIssuer, provider.RedirectURL)
}

// checkSecretFiles checks who can use the files that were configured. It accepts groups, since a group may exist to share them.
func (d *doctor) checkSecretFiles() {
	files := d.config.secretFiles
	if d.config.TLSKeyFile != "" {
		files = append(slices.Clone(files), d.config.TLSKeyFile)
	}
	d.checkModes(files, "owner and group", func(file string, mode fs.FileMode) bool {
		switch {
		case mode&0o002 != 0:
			d.problem("files", "chmod o= "+file, "everybody can change %s, whose mode is %04o", file, mode)
		case mode&0o004 != 0:
			d.warn("files", "chmod o= "+file+"; nothing, if nobody else can enter its folder, as in a container", "everybody can read %s, whose mode is %04o", file, mode)
		default:
			return true
		}
		return false
	})
}

// checkModes calls private for each file that exists. private reports whether the file's mode admits only those who may use it,
// and records a finding if not.
func (d *doctor) checkModes(files []string, who string, private func(file string, mode fs.FileMode) bool) {
	var fine []string
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && private(file, info.Mode().Perm()) {
			fine = append(fine, file)
		}
	}
	if len(fine) > 0 {
		d.fine("files", "only %s can use %s", who, strings.Join(fine, ", "))
	}
}

// checkFiles checks the files of a SQLite database, and reports whether there is a database to examine.
func (d *doctor) checkFiles() bool {
	path, ok := d.config.sqlitePath()
	if !ok {
		return true
	}
	if folder, err := usableFolder(filepath.Dir(path)); err != nil {
		d.problem("database", "let the service's user write there, or check "+Prefix+"DATABASE_URL and the folder in which the service is started",
			"can't be created or changed in %s: %v", folder, err)
		return false
	}
	files := []string{path, path + "-wal", path + "-shm"}
	if d.config.MasterKey == "" {
		key := d.config.masterKeyFile()
		files = append(files, string(key), string(key.next()))
		if exists(string(key.next())) {
			d.warn("master key", "stop the service and run apikeys rotate-master-key", "%s exists: a rotation was interrupted", key.next())
		}
		if hasContent(path) && !exists(string(key)) {
			d.problem("master key", "put it back, or set "+Prefix+"MASTER_KEY", "%s is missing, but the database exists", key)
			return false
		}
		if _, err := key.read(); err != nil && exists(string(key)) {
			d.problem("master key", "put the right file back", "%v", err)
			return false
		}
	}
	if !hasContent(path) {
		d.warn("database", "nothing, before the first start; otherwise check "+Prefix+"DATABASE_URL and the folder in which the service is started", "%s does not exist yet", path)
		return false
	}
	d.checkModes(files, "its owner", func(file string, mode fs.FileMode) bool {
		if mode&0o077 == 0 {
			return true
		}
		d.problem("files", "chmod 600 "+file, "others can use %s, whose mode is %04o", file, mode)
		return false
	})
	d.checkDisk(filepath.Dir(path))
	return true
}

// usableFolder returns the folder itself or, if it does not exist, the nearest existing folder above, in which it would be
// created. The error says why nothing can be created there.
func usableFolder(folder string) (string, error) {
	info, err := os.Stat(folder)
	above := filepath.Dir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) && above != folder:
		return usableFolder(above)
	case err != nil:
		return folder, err
	case !info.IsDir():
		return folder, errors.New("it is not a folder")
	default:
		return folder, writable(folder)
	}
}

func (d *doctor) checkDisk(folder string) {
	free, err := freeBytes(folder)
	if err != nil {
		d.warn("disk", "", "the free space at %s can't be determined: %v", folder, err)
		return
	}
	d.judgeDisk(folder, free)
}

func (d *doctor) judgeDisk(folder string, free uint64) {
	if free < diskFree {
		d.warn("disk", "make room: nothing can be changed on a full disk", "only %d MB are free at %s", free>>20, folder)
		return
	}
	d.fine("disk", "%d MB are free at %s", free>>20, folder)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
