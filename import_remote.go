package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"

	"kalends/internal/vdir"
	"kalends/storage"
)

// Bounds of what another server is asked and believed.
const (
	remoteTimeout   = 2 * time.Minute // for one request
	remoteObject    = 64 << 20
	remoteListing   = 256 << 20
	remoteWorkers   = 6
	remoteTries     = 3
	remoteRedirects = 5
)

// remoteServer is another CalDAV server, asked through go-webdav's client: discovery and listing are its own, objects are
// taken as the bytes they are.
type remoteServer struct {
	url  *url.URL
	http *remoteHTTP
	dav  *caldav.Client

	single atomic.Bool // objects are asked for one by one, since it answers no multiget
}

// remoteHTTP sends requests with the account's password, to its host only, and follows redirects as WebDAV needs it: with the same
// method and body (net/http makes GET of a PROPFIND).
type remoteHTTP struct {
	client         *http.Client
	host           string
	user, password string
	most           int64 // octets of one answer that are read
}

// Do implements webdav.HTTPClient.
func (c *remoteHTTP) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(r.Body, 1<<20))
		r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	for range remoteRedirects {
		next := r.Clone(r.Context())
		next.Body = io.NopCloser(bytes.NewReader(body))
		next.ContentLength = int64(len(body))
		next.Header.Del("Authorization")
		if c.user != "" && next.URL.Host == c.host {
			next.SetBasicAuth(c.user, c.password)
		}
		res, err := c.client.Do(next)
		if err != nil {
			return nil, err
		}
		switch res.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			// go-webdav reads all there is, unpacked.
			res.Body = struct {
				io.Reader
				io.Closer
			}{io.LimitReader(res.Body, c.most), res.Body}
			return res, nil
		}
		to, err := r.URL.Parse(res.Header.Get("Location"))
		res.Body.Close()
		if err != nil || to.Scheme != r.URL.Scheme && to.Scheme != "https" {
			return nil, fmt.Errorf("%s leads to no address that can be asked", r.URL.Redacted())
		}
		r = r.Clone(r.Context())
		r.URL, r.Host = to, to.Host
	}
	return nil, errors.New("it leads from one address to another without end")
}

// guarded runs a call of go-webdav, which panics on some answers.
func guarded[T any](fn func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the other server's answer cannot be understood")
		}
	}()
	return fn()
}

// connect makes a client for an address.
func connect(address, user, password string) (*remoteServer, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("this is no address of a server")
	}
	if u.User != nil {
		if user == "" {
			user = u.User.Username()
			password, _ = u.User.Password()
		}
		u.User = nil
	}
	if u.Path == "" {
		u.Path = "/"
	}
	c := &remoteHTTP{host: u.Host, user: user, password: password, most: remoteListing, client: &http.Client{
		Timeout:       remoteTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	s := &remoteServer{url: u, http: c}
	s.dav, err = caldav.NewClient(c, u.String())
	return s, err
}

// remote is the calendars at an address: the one it is of, those of the home it is of, or those of the account.
func (im *importRun) remote(address string) iter.Seq2[*collection, error] {
	return func(yield func(*collection, error) bool) {
		fail := &collection{path: address}
		if u, err := url.Parse(address); err == nil {
			fail.path = u.Redacted()
		}
		s, err := connect(address, im.cmd.RemoteUser, im.cmd.RemotePassword)
		if err != nil {
			yield(fail, err)
			return
		}
		list, err := s.calendars(im.ctx)
		if err != nil {
			yield(fail, explainRemote(err))
			return
		}
		for _, cal := range list {
			c, err := im.remoteCollection(s, cal)
			if err != nil {
				c = fail
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// explainRemote says what to do about an answer.
func explainRemote(err error) error {
	if strings.Contains(err.Error(), "401") {
		return fmt.Errorf("the other server does not take this name and password (--remote-user, --remote-password): %w", err)
	}
	return err
}

// calendars finds what to import (RFC 4791 section 6.2.1, RFC 5397 section 3, RFC 6764 section 5).
func (s *remoteServer) calendars(ctx context.Context) ([]caldav.Calendar, error) {
	find := func(home string) ([]caldav.Calendar, error) {
		return guarded(func() ([]caldav.Calendar, error) { return s.dav.FindCalendars(ctx, home) })
	}
	list, err := find(s.url.Path)
	for _, c := range list {
		if strings.Trim(c.Path, "/") == strings.Trim(s.url.Path, "/") {
			return []caldav.Calendar{c}, nil
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	for _, at := range []string{s.url.Path, "/.well-known/caldav", "/"} {
		u := *s.url
		u.Path = at
		c, newErr := caldav.NewClient(s.http, u.String())
		if newErr != nil {
			return nil, newErr
		}
		principal, principalErr := guarded(func() (string, error) { return c.FindCurrentUserPrincipal(ctx) })
		if principalErr != nil || principal == "" {
			err = errors.Join(err, principalErr)
			continue
		}
		home, homeErr := guarded(func() (string, error) { return c.FindCalendarHomeSet(ctx, principal) })
		if homeErr != nil || home == "" {
			err = errors.Join(err, homeErr)
			continue
		}
		list, listErr := find(home)
		for _, c := range list {
			if strings.Trim(c.Path, "/") == strings.Trim(s.url.Path, "/") {
				return []caldav.Calendar{c}, nil // the one that was asked for
			}
		}
		if listErr == nil && len(list) == 0 {
			listErr = errNoCalendars
		}
		return list, listErr
	}
	if err == nil {
		err = errNoCalendars
	}
	return nil, err
}

// remoteObjectInfo is a member of a calendar elsewhere.
type remoteObjectInfo struct{ path, tag string }

// list lists a calendar's objects. Servers that leave out what go-webdav asks for are asked for less.
func (s *remoteServer) list(ctx context.Context, collection string) ([]remoteObjectInfo, error) {
	infos, err := guarded(func() ([]webdav.FileInfo, error) { return s.dav.ReadDir(ctx, collection, false) })
	if err == nil {
		var list []remoteObjectInfo
		for _, i := range infos {
			if !i.IsDir {
				list = append(list, remoteObjectInfo{i.Path, i.ETag})
			}
		}
		return list, nil
	}
	list, plainErr := s.plainList(ctx, collection)
	if plainErr != nil {
		return nil, errors.Join(err, plainErr)
	}
	return list, nil
}

// plainList asks for nothing but entity tags and kinds (RFC 4918 section 9.1).
func (s *remoteServer) plainList(ctx context.Context, collection string) ([]remoteObjectInfo, error) {
	res, err := s.ask(ctx, "PROPFIND", collection,
		`<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><getetag/><resourcetype/></prop></propfind>`)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusMultiStatus {
		return nil, fmt.Errorf("PROPFIND: %s", res.Status)
	}
	var ms struct {
		Responses []struct {
			Href      string `xml:"DAV: href"`
			Propstats []struct {
				Tag        string    `xml:"DAV: prop>getetag"`
				Collection *struct{} `xml:"DAV: prop>resourcetype>collection"`
			} `xml:"DAV: propstat"`
		} `xml:"DAV: response"`
	}
	if err := xml.NewDecoder(io.LimitReader(res.Body, remoteListing)).Decode(&ms); err != nil {
		return nil, fmt.Errorf("PROPFIND: %w", err)
	}
	var list []remoteObjectInfo
	for _, r := range ms.Responses {
		href, err := url.Parse(r.Href)
		if err != nil {
			continue
		}
		o := remoteObjectInfo{path: href.Path}
		folder := strings.Trim(href.Path, "/") == strings.Trim(collection, "/")
		for _, p := range r.Propstats {
			folder = folder || p.Collection != nil
			if p.Tag != "" {
				o.tag = strings.Trim(strings.TrimPrefix(p.Tag, "W/"), `"`)
			}
		}
		if !folder {
			list = append(list, o)
		}
	}
	return list, nil
}

// address is the URL of a path on the server.
func (s *remoteServer) address(path string) string {
	u := *s.url
	u.Path, u.RawPath, u.RawQuery = path, "", ""
	return u.String()
}

// fetch returns an object's bytes.
func (s *remoteServer) fetch(ctx context.Context, path string) (data []byte, err error) {
	for try := range remoteTries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Duration(try) * time.Second):
			}
		}
		data, err = guarded(func() ([]byte, error) {
			r, err := s.dav.Open(ctx, path)
			if err != nil {
				return nil, err
			}
			defer r.Close()
			data, err := io.ReadAll(io.LimitReader(r, remoteObject+1))
			if err == nil && len(data) > remoteObject {
				err = fmt.Errorf("it is larger than %d MiB", remoteObject>>20)
			}
			return data, err
		})
		if err == nil || ctx.Err() != nil || strings.Contains(err.Error(), "404") || strings.Contains(err.Error(), "410") {
			return data, err
		}
	}
	return nil, err
}

// remoteCollection is a calendar elsewhere.
func (im *importRun) remoteCollection(s *remoteServer, cal caldav.Calendar) (*collection, error) {
	list, err := s.list(im.ctx, cal.Path)
	if err != nil {
		return nil, explainRemote(err)
	}
	c := &collection{
		path: s.address(cal.Path), slug: folderSlug(strings.TrimSuffix(cal.Path, "/")), name: vdir.ShortName(cal.Name), total: len(list),
	}
	for _, comp := range cal.SupportedComponentSet {
		if comp = strings.ToUpper(comp); slices.Contains([]string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"}, comp) {
			c.components = append(c.components, comp)
		}
	}
	j := im.journal(c)
	have, err := im.names(c)
	if err != nil {
		return nil, err
	}
	c.keep, c.close = j.keep, j.close
	c.files = func(yield func(file, error) bool) {
		ctx, cancel := context.WithCancel(im.ctx)
		todo := make(chan []remoteObjectInfo)
		done := make(chan file)
		var workers sync.WaitGroup
		// All have ended when this returns, whoever ends it.
		defer workers.Wait()
		defer cancel()
		var failures sync.Map
		for range remoteWorkers {
			workers.Go(func() {
				for batch := range todo {
					s.fetchAll(ctx, cal.Path, batch, func(o remoteObjectInfo, data []byte, err error) bool {
						f := file{path: s.address(o.path), name: path.Base(o.path), tag: o.tag, data: data}
						if err != nil {
							failures.Store(f.path, err)
						}
						select {
						case done <- f:
							return true
						case <-ctx.Done():
							return false
						}
					})
					if ctx.Err() != nil {
						return
					}
				}
			})
		}
		var ask []remoteObjectInfo
		for _, o := range list {
			if o.tag != "" && j.tags[o.path] == o.tag && have[path.Base(o.path)] {
				im.total--
				continue // taken before, and unchanged since
			}
			ask = append(ask, o)
		}
		workers.Go(func() {
			defer close(todo)
			for batch := range slices.Chunk(ask, remoteBatch) {
				select {
				case todo <- batch:
				case <-ctx.Done():
					return
				}
			}
		})
		for range ask {
			select {
			case <-im.ctx.Done():
				yield(file{}, im.ctx.Err())
				return
			case f := <-done:
				if err, failed := failures.Load(f.path); failed {
					im.report(f.path, 1, "", oneLine(err.(error).Error()))
					continue
				}
				if !yield(f, nil) {
					return
				}
			}
		}
	}
	return c, nil
}

// names are the names that the calendar of a collection has here.
func (im *importRun) names(c *collection) (map[string]bool, error) {
	slug := c.slug
	if im.cmd.Calendar != "" {
		slug = im.cmd.Calendar
	}
	have := map[string]bool{}
	cal, err := im.store.Calendar(im.ctx, im.owner.ID, slug)
	if errors.Is(err, storage.ErrNotFound) {
		return have, nil
	}
	if err == nil {
		err = im.store.Objects(im.ctx, cal.Ref(), 0, func(o *storage.Object) error {
			have[o.Name] = true
			return nil
		})
	}
	return have, err
}

// journal notes, line by line, what was taken from a calendar elsewhere, so that a run that was cut short can go on.
type journal struct {
	tags map[string]string // by path
	out  *os.File
}

// entry is a line of it.
type entry struct {
	Path string `json:"path"`
	Tag  string `json:"tag"`
}

// journal opens the one of a collection and the person it goes to. Without a place for it every run begins anew, and finds out object
// by object what is here already.
func (im *importRun) journal(c *collection) *journal {
	j := &journal{tags: map[string]string{}}
	name := im.cmd.State
	if name == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return j
		}
		if dir = filepath.Join(dir, "kalends"); os.MkdirAll(dir, 0o700) != nil {
			return j
		}
		// One database's calendar is not another's.
		sum := sha256.Sum256([]byte(strings.Join([]string{c.path, im.owner.Name, im.owner.Created.String(), c.slug, im.cmd.Calendar, im.cfg.DatabaseURL()}, "\x00")))
		name = filepath.Join(dir, "import-"+hex.EncodeToString(sum[:8])+".jsonl")
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		fmt.Fprintf(im.err, "%s; a second run will begin anew\n", oneLine(err.Error()))
		return j
	}
	for scan := bufio.NewScanner(f); scan.Scan(); {
		var e entry
		if json.Unmarshal(scan.Bytes(), &e) == nil && e.Tag != "" {
			j.tags[e.Path] = e.Tag
		}
	}
	j.out = f
	return j
}

// keep notes a file that is taken.
func (j *journal) keep(f file) {
	u, err := url.Parse(f.path)
	if j.out == nil || f.tag == "" || err != nil {
		return
	}
	if line, err := json.Marshal(entry{u.Path, f.tag}); err == nil {
		j.out.Write(append(line, '\n')) // where that fails, it is asked for again
	}
}

func (j *journal) close() {
	if j.out != nil {
		j.out.Close()
	}
}
