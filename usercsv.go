package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"kalends/auth"
)

// userColumns are the columns of an import, and where each goes.
var userColumns = map[string]func(*auth.NewUser) *string{
	"name":          func(u *auth.NewUser) *string { return &u.Name },
	"password":      func(u *auth.NewUser) *string { return &u.Password },
	"password_hash": func(u *auth.NewUser) *string { return &u.PasswordHash },
	"display_name":  func(u *auth.NewUser) *string { return &u.DisplayName },
	"email":         func(u *auth.NewUser) *string { return &u.Email },
	"kind":          func(u *auth.NewUser) *string { return &u.Kind },
}

// readUsers reads a CSV file of users. lines holds the line on which each begins.
// Spreadsheets in many countries write semicolons, so they are understood too.
func readUsers(in io.Reader, name string) (users []auth.NewUser, lines []int, err error) {
	buf := bufio.NewReader(in)
	if bom, _ := buf.Peek(3); string(bom) == "\ufeff" {
		buf.Discard(3)
	}
	r := csv.NewReader(buf)
	head, _ := buf.Peek(512)
	first, _, _ := strings.Cut(string(head), "\n")
	if strings.Contains(first, ";") && !strings.Contains(first, ",") {
		r.Comma = ';'
	}
	r.ReuseRecord = true
	columns, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s is empty; its first line must name the columns, like name,password,display_name,email,kind", name)
	}
	if err != nil {
		return nil, nil, csvError(name, err)
	}
	fields, err := userFields(columns)
	if err != nil {
		return nil, nil, fmt.Errorf("%s line 1: %w", name, err)
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return users, lines, nil
		}
		if err != nil {
			return nil, nil, csvError(name, err)
		}
		line, _ := r.FieldPos(0)
		var u auth.NewUser
		for i, value := range record {
			*fields[i](&u) = strings.Clone(value)
		}
		users, lines = append(users, u), append(lines, line)
	}
}

// userFields finds where each column goes.
func userFields(columns []string) ([]func(*auth.NewUser) *string, error) {
	fields := make([]func(*auth.NewUser) *string, len(columns))
	var seen []string
	for i, c := range columns {
		c = strings.ToLower(strings.TrimSpace(c))
		field, ok := userColumns[c]
		switch {
		case !ok:
			return nil, fmt.Errorf("there is no column %q; the first line must name the columns, of name, password, display_name, email, kind", clipText(c, 40))
		case slices.Contains(seen, c):
			return nil, fmt.Errorf("the column %s is there twice", c)
		}
		seen = append(seen, c)
		fields[i] = field
	}
	if !slices.Contains(seen, "name") {
		return nil, errors.New("the column name is missing")
	}
	return fields, nil
}

func csvError(name string, err error) error {
	pe, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case !ok:
		return fmt.Errorf("read %s: %w", name, err)
	case errors.Is(pe.Err, csv.ErrFieldCount):
		return fmt.Errorf("%s line %d: more or fewer fields than the first line has; nothing was imported", name, pe.StartLine)
	}
	return fmt.Errorf("%s line %d: %w; nothing was imported", name, pe.Line, pe.Err)
}

func clipText(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
