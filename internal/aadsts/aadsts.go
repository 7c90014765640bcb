// Package aadsts says what an administrator must do about Entra's error numbers.
//
// The numbers are for people and for diagnosis. How the library handles an error is decided
// by the protocol's error and suberror, as Microsoft asks, because numbers and texts change.
package aadsts

import (
	"regexp"
	"strconv"
)

// Kind is what a number is about, as far as a diagnosis must distinguish numbers.
type Kind int

// The kinds.
const (
	Other Kind = iota
	UnknownTenant
	UnknownApp
	DisabledApp
	WrongSecret
	ExpiredSecret
	UnregisteredCertificate
	UnregisteredRedirectURI
	InvalidScope // or a scope of a resource that the tenant or the registration lacks
	NotSignedIn
)

// KindOf returns the kind of a number.
func KindOf(number int) Kind { return meanings[number].kind }

// Advice returns what to do about the first of the numbers that is known, or "".
func Advice(numbers ...int) string {
	for _, n := range numbers {
		if m, known := meanings[n]; known {
			return m.advice
		}
	}
	return ""
}

// Attribute returns the first of the numbers that is known, as the value of an attribute of
// metrics, "other" if none is, and "" without numbers. The values are bounded by the list, because
// anybody can write a number into an error response.
func Attribute(numbers ...int) string {
	for _, n := range numbers {
		if _, known := meanings[n]; known {
			return strconv.Itoa(n)
		}
	}
	if len(numbers) > 0 {
		return "other"
	}
	return ""
}

var pattern = regexp.MustCompile(`AADSTS([0-9]{4,8})`)

// Numbers returns the numbers that a description names, because the authorize endpoint
// reports them in no other way.
func Numbers(description string) (numbers []int) {
	for _, match := range pattern.FindAllStringSubmatch(description, 4) {
		n, err := strconv.Atoi(match[1])
		if err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
