package idtoken

import (
	"encoding/json"
	"slices"
	"strconv"
)

// readers read the claims that do not affect the identity. A tenant's claims mapping may give them
// another JSON type, which must not prevent a sign-in. A reader returns the claim with the type of its
// field, or nil if it cannot be used, and whether all of it is used.
var readers = map[string]func(json.RawMessage) (read any, whole bool){
	"azp": readText, "name": readText, "preferred_username": readText, "email": readText,
	"sid": readText, "login_hint": readText, "idp": readText,
	"roles": readList, "acrs": readList, "groups": readList,
	"auth_time": readNumber, "hasgroups": readFlag, "_claim_names": readNames,
}

// replaceUnusable converts claims to the types of fields, removes those that cannot be converted, and
// returns the names of all claims that are not used in full.
func replaceUnusable(all map[string]json.RawMessage, fields map[string]any) (unusable []string, err error) {
	for name, reader := range readers {
		raw, present := all[name]
		if !present || string(raw) == "null" {
			continue
		}
		if _, isText := fields[name].(*string); isText && raw[0] == '"' {
			continue // it has the correct type
		}
		read, whole := reader(raw)
		if !whole {
			unusable = append(unusable, name)
		}
		if read == nil {
			delete(all, name)
		} else if all[name], err = json.Marshal(read); err != nil {
			return nil, err
		}
	}
	slices.Sort(unusable)
	return unusable, nil
}

func readText(raw json.RawMessage) (any, bool) {
	text, ok := textOf(raw)
	if !ok {
		return nil, false
	}
	return text, true
}

func textOf(raw json.RawMessage) (text string, ok bool) {
	err := json.Unmarshal(raw, &text)
	return text, err == nil
}

// readList reads a list. A string counts as a list with one item, and empty strings are left out.
func readList(raw json.RawMessage) (any, bool) {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		items = []json.RawMessage{raw}
	}
	list, whole := []string{}, true
	for _, item := range items {
		switch text, ok := textOf(item); {
		case !ok:
			whole = false
		case text != "":
			list = append(list, text)
		}
	}
	if len(list) == 0 {
		return nil, whole
	}
	return list, whole
}

func readNumber(raw json.RawMessage) (any, bool) {
	var number float64
	if json.Unmarshal(raw, &number) == nil {
		return number, true
	}
	digits, _ := textOf(raw)
	whole, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, false
	}
	return whole, true
}

func readFlag(raw json.RawMessage) (any, bool) {
	var flag bool
	if json.Unmarshal(raw, &flag) == nil {
		return flag, true
	}
	word, _ := textOf(raw)
	if word != "true" && word != "false" {
		return nil, false
	}
	return word == "true", true
}

// readNames reads the names of claims that are available elsewhere. It does not read where.
func readNames(raw json.RawMessage) (any, bool) {
	var names map[string]json.RawMessage
	if json.Unmarshal(raw, &names) != nil {
		return nil, false
	}
	read := make(map[string]string, len(names))
	for name := range names {
		read[name] = ""
	}
	return read, true
}
