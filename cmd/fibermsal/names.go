package main

import "strings"

// names is a flag with names separated by commas or spaces. It may be given more than once.
type names []string

func (n *names) Set(list string) error {
	*n = append(*n, strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })...)
	return nil
}

func (n *names) String() string { return strings.Join(*n, ",") }
