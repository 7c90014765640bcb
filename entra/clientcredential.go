package entra

import "github.com/fibermsal/fibermsal/internal/authority"

// ClientCredential proves the app's own identity to Entra, in place of a client secret.
// [CertificateFile], [WorkloadIdentity] and [ManagedIdentity] return the common ones;
// [ClientCredentialFunc] adapts any other credential of MSAL.
//
// Its method Credential is called for every call of the token endpoint, concurrently for
// different users, and must not return a credential that has expired. It must be fast, because
// sign-ins and renewals wait for it, and their context may have no deadline. If it returns an
// error, Entra is not called, and the sign-in or renewal fails with [ErrUnavailable], because
// that is not a fault of the user. The error is logged without credentials.
//
// A ClientCredential may also have a method Validity() (from, until time.Time), which Doctor
// reports.
type ClientCredential = authority.ClientCredential

// ClientCredentialFunc is a function that implements [ClientCredential].
type ClientCredentialFunc = authority.ClientCredentialFunc

// CertificateFile returns a certificate with its unencrypted private key in a PEM file as a
// client credential. The file is read again when it changes, so a certificate is replaced
// without a restart: register the new one, then move the file into place. While a changed file
// cannot be read, the previous certificate is used. CertificateFile does not read the file: if it
// cannot be read, sign-ins fail, and Doctor reports why.
func CertificateFile(path string) ClientCredential { return authority.CertificateFile(path) }

// WorkloadIdentity returns a federated client credential whose token is in a file, as
// Kubernetes mounts and replaces it. An empty path is the path in AZURE_FEDERATED_TOKEN_FILE.
// The file is read for every token call.
func WorkloadIdentity(tokenFile string) ClientCredential {
	return authority.WorkloadIdentity(tokenFile)
}

// ManagedIdentity returns the managed identity of the Azure resource that the app runs on as a
// client credential. It must be registered as a federated credential of the app. An empty
// client ID is the resource's system-assigned identity, an empty cloud the public one.
func ManagedIdentity(clientID string, cloud Cloud) ClientCredential {
	return authority.ManagedIdentity(clientID, cloud)
}
