// Package models stands for that of msgraph-beta-sdk-go in tests, by its import path. The real one
// costs gigabytes of disk and minutes of compilation.
package models

import (
	"errors"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

// CreateUserFromDiscriminatorValue makes a user.
func CreateUserFromDiscriminatorValue(node serialization.ParseNode) (serialization.Parsable, error) {
	return models.CreateUserFromDiscriminatorValue(node)
}

// ODataError is another type than that of msgraph-sdk-go, with the same fault.
type ODataError struct {
	abstractions.ApiError

	Main *string
}

// CreateODataErrorFromDiscriminatorValue makes an error.
func CreateODataErrorFromDiscriminatorValue(serialization.ParseNode) (serialization.Parsable, error) {
	return new(ODataError), nil
}

// Error dereferences a message that may be missing.
func (e *ODataError) Error() string { return *e.Main }

// Serialize implements serialization.Parsable.
func (e *ODataError) Serialize(serialization.SerializationWriter) error {
	return errors.New("errors are not sent")
}

// GetFieldDeserializers implements serialization.Parsable.
func (e *ODataError) GetFieldDeserializers() map[string]func(serialization.ParseNode) error {
	return map[string]func(serialization.ParseNode) error{
		"message": func(n serialization.ParseNode) (err error) {
			e.Main, err = n.GetStringValue()
			return err
		},
	}
}
