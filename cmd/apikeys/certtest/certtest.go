// Package certtest makes certificates for tests of TLS, in files like those that the service reads.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// Certificate is what a test asks for.
type Certificate struct {
	Address string    // the IP address that it is valid for
	Serial  int64     // small, and different in a certificate that replaces another
	Begins  time.Time // a day ago if zero
	Ends    time.Time
}

// Write writes a self-signed certificate and its key to files, and returns a pool that trusts it.
func (c Certificate) Write(t testing.TB, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	begins := c.Begins
	if begins.IsZero() {
		begins = time.Now().AddDate(0, 0, -1)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(c.Serial), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.ParseIP(c.Address)},
		NotBefore: begins, NotAfter: c.Ends, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	// A different size shows that a file has changed even where file times are coarse.
	padding := strings.Repeat("\n", int(c.Serial))
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, append(pem.EncodeToMemory(block), padding...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return pool
}
