//go:build !unix

package pgtest

import (
	"errors"
	"os/exec"
)

type account struct{}

func unprivileged() (*account, error) {
	return nil, errors.New("a private Postgres needs a Unix system: set TEST_POSTGRES_URL")
}

func (*account) own(string) error { return nil }

func (*account) become(*exec.Cmd) {}
