package entra

import "github.com/fibermsal/fibermsal/internal/authority"

// ClientCredential proves the app's own identity to Entra, instead of a client secret.
// [CertificateFile], [WorkloadIdentity] and [ManagedIdentity] return the common ones;
// [ClientCredentialFunc] adapts any other MSAL credential.
//
// Its method Credential is called before every call of the token endpoint, concurrently for different
// users, and must not return an expired credential. It must be fast, because sign-ins and renewals wait
// for it, and its context may have no deadline. If it returns an error, Entra is not called, and the
// sign-in or renewal fails with [ErrUnavailable], because the user is not at fault. The error is logged
// without credentials.
//
// A ClientCredential may also have a method Validity() (from, until time.Time), which Doctor
// reports.
type ClientCredential = authority.ClientCredential

// ClientCredentialFunc is a function that implements [ClientCredential].
type ClientCredentialFunc = authority.ClientCredentialFunc

// CertificateFile returns a client credential that uses a certificate and its unencrypted private key
// from a PEM file. The file is read again when it changes, so a certificate can be replaced without a
// restart: register the new certificate, then move the new file into place. While a changed file cannot
// be read, the previous certificate is used. CertificateFile itself does not read the file. If the file
// cannot be read, sign-ins fail and Doctor reports the reason.
func CertificateFile(path string) ClientCredential { return authority.CertificateFile(path) }

// WorkloadIdentity returns a client credential that uses a federated token from a file, such as the one
// that Kubernetes mounts and replaces. An empty path stands for the path in AZURE_FEDERATED_TOKEN_FILE.
// The file is read before every call of the token endpoint.
func WorkloadIdentity(tokenFile string) ClientCredential {
	return authority.WorkloadIdentity(tokenFile)
}

// ManagedIdentity returns a client credential that uses the managed identity of the Azure resource that
// the app runs on. The identity must be registered as a federated credential of the app. An empty
// client ID selects the system-assigned identity of the resource; an empty cloud selects the public
// cloud.
func ManagedIdentity(clientID string, cloud Cloud) ClientCredential {
	return authority.ManagedIdentity(clientID, cloud)
}
