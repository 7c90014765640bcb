package entra

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"regexp"
	"strings"

	fiberredis "github.com/gofiber/storage/redis/v3"

	"github.com/fibermsal/fibermsal/internal/outbound"
	"github.com/fibermsal/fibermsal/internal/redisclient"
	"github.com/fibermsal/fibermsal/internal/storagefile"
)

// setting is the value of a variable and the name under which it was found.
type setting struct{ name, value string }

// connect creates the HTTP client and the storage. It runs after all other variables have been read,
// because Redis may be opened with the app's identity.
func (e *environment) connect() {
	roots, err := authorities(e.network["CA_FILE"].value)
	if err != nil {
		e.refuse("CA_FILE", "HTTPClient", "%v", err)
	}
	if roots != nil {
		transport := outbound.NewTransport()
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		e.cfg.HTTPClient = &http.Client{Transport: transport}
	}
	file, hasFile := e.network["STORAGE_FILE"]
	address, ok := e.network["REDIS_URL"]
	switch {
	case ok && hasFile:
		e.refuse(file.name, "Storage", "is set together with %s%s; set only one of them", e.prefix, address.name)
		return
	case hasFile:
		e.openFile(file)
	}
	if !ok {
		for _, name := range []string{"REDIS_CERTIFICATE_FILE", "REDIS_ENTRA_USER"} {
			if _, set := e.network[name]; set {
				e.refuse(name, "Storage", "needs %s%s", e.prefix, "REDIS_URL")
			}
		}
		return
	}
	options, ok := e.redisOptions(address.value, roots)
	if !ok {
		return
	}
	client, err := redisclient.New(address.value, options)
	if err != nil {
		e.refuse(address.name, "Storage", "%v", err)
		return
	}
	e.cfg.Storage = fiberredis.NewFromConnection(client)
}

// openFile opens the file of a single server.
func (e *environment) openFile(file setting) {
	storage, err := storagefile.Open(file.value)
	if err != nil {
		e.refuse(file.name, "Storage", "cannot be opened: %v", err)
		return
	}
	e.cfg.Storage = storage
}

var objectID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// redisOptions returns the options for the connection to Redis that other variables set.
func (e *environment) redisOptions(address string, roots *x509.CertPool) (options redisclient.Options, ok bool) {
	before := len(e.problems)
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	file, certified := e.network["REDIS_CERTIFICATE_FILE"]
	if certified {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return clientCertificate(file.value) }
		if _, err := clientCertificate(file.value); err != nil { // reported now rather than at the first connection
			e.refuse("REDIS_CERTIFICATE_FILE", "Storage", "%v", err)
		}
	}
	if certified || (roots != nil && strings.HasPrefix(address, "rediss:")) {
		RedisTLS(config)(&options)
	}
	if user, set := e.network["REDIS_ENTRA_USER"]; set {
		if !objectID.MatchString(user.value) {
			e.refuse(user.name, "Storage", "must be the object ID of the app's service principal (enterprise application), a GUID")
		}
		RedisEntraID(user.value, &appIdentity{cfg: e.cfg})(&options)
	}
	return options, len(e.problems) == before
}

// clientCertificate reads a certificate with its key. It is called for each handshake, because the file
// may be replaced before the certificate expires.
func clientCertificate(file string) (*tls.Certificate, error) {
	content, err := mountedText(file)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair([]byte(content), []byte(content))
	if err != nil {
		return nil, errors.New("names a file without a PEM certificate and its unencrypted private key")
	}
	return &certificate, nil
}

// authorities returns the certificate authorities of the system and of a file, or nil if no file is
// given.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := mountedText(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any
	}
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil, errors.New("names a file without a certificate in PEM")
	}
	return pool, nil
}
