// Kalends is a calendar server: CalDAV for the calendar programs people already
// have, invitations among its users and by mail with everybody else, reminders
// that arrive once and on time. This file is where the program starts and ends;
// cli.go has its command line, and one file each its commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"kalends/internal/config"
	"kalends/storage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks to stop; from then on the next one ends the process.
	context.AfterFunc(ctx, func() {
		stop()
		fmt.Fprintln(os.Stderr, "kalends: stopping; a second signal stops at once")
	})
	os.Exit(run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}, os.Environ()))
}

// stdio is where a command reads and writes. Results and the start lines go to
// out, logs and errors to err.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// run carries out one command and returns the exit status. What goes wrong is
// one line on stderr.
func run(ctx context.Context, args []string, std stdio, environ []string) int {
	err := command(ctx, args, std, environ)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("stopped")
	}
	fmt.Fprintln(std.err, "kalends: "+oneLine(explain(err)))
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.status
	}
	return 1
}

// exitError is an error with an exit status of its own.
type exitError struct {
	status int
	error
}

func (e *exitError) Unwrap() error { return e.error }

// explain says what to do about errors that say only what happened.
func explain(err error) string {
	msg := err.Error()
	if _, ok := errors.AsType[*config.Error](err); ok {
		return msg
	}
	if errors.Is(err, storage.ErrUnavailable) {
		msg += "; check that it runs, and the setting database (--database, KALENDS_DATABASE)"
	}
	return msg
}

// oneLine joins the lines of a message: an error is one line in a log.
func oneLine(msg string) string {
	parts := strings.FieldsFunc(msg, func(r rune) bool { return r == '\n' || r == '\r' })
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	return strings.Join(parts, " ")
}
