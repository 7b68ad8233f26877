package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// remoteBatch is how many objects one calendar-multiget asks another server for.
const remoteBatch = 50

var errNoMultiget = errors.New("the other server answers no calendar-multiget")

// fetchMany returns objects' bytes by path, by one calendar-multiget (RFC 4791 section 7.9): a request for each object takes minutes
// where these take seconds. What the answer lacks is not in the map, as what XML cannot carry is not. XML makes LF of CRLF
// (XML 1.0 section 2.11), which RFC 5545 section 3.1 lets us undo.
func (s *remoteServer) fetchMany(ctx context.Context, collection string, list []remoteObjectInfo) (map[string][]byte, error) {
	var body strings.Builder
	body.WriteString(xml.Header + `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop>`)
	for _, o := range list {
		body.WriteString("<D:href>")
		if err := xml.EscapeText(&body, []byte((&url.URL{Path: o.path}).EscapedPath())); err != nil {
			return nil, err
		}
		body.WriteString("</D:href>")
	}
	body.WriteString("</C:calendar-multiget>")
	res, err := s.ask(ctx, "REPORT", collection, body.String())
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusMultiStatus {
		return nil, fmt.Errorf("%w: %s", errNoMultiget, res.Status)
	}
	return readMultiget(io.LimitReader(res.Body, remoteObject), s.address(collection))
}

// readMultiget reads the objects of a multistatus, whose hrefs are relative to base.
func readMultiget(r io.Reader, base string) (map[string][]byte, error) {
	at, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	found := map[string][]byte{}
	for dec := xml.NewDecoder(r); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoMultiget, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name != (xml.Name{Space: "DAV:", Local: "response"}) {
			continue
		}
		var response struct {
			Href      string `xml:"DAV: href"`
			Propstats []struct {
				Prop struct {
					Data []byte `xml:"urn:ietf:params:xml:ns:caldav calendar-data"`
				} `xml:"DAV: prop"`
			} `xml:"DAV: propstat"`
		}
		if err := dec.DecodeElement(&response, &start); err != nil {
			return nil, fmt.Errorf("%w: %w", errNoMultiget, err)
		}
		href, err := at.Parse(response.Href)
		if err != nil {
			continue
		}
		for _, p := range response.Propstats {
			if data := p.Prop.Data; len(bytes.TrimSpace(data)) > 0 {
				found[href.Path] = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
			}
		}
	}
}

// fetchAll calls fn with each object of a batch, or why it cannot be had: by one request where the server answers that, else by one for
// each. It ends when fn returns false.
func (s *remoteServer) fetchAll(ctx context.Context, collection string, batch []remoteObjectInfo, fn func(remoteObjectInfo, []byte, error) bool) {
	var found map[string][]byte
	if !s.single.Load() && len(batch) > 1 {
		var err error
		if found, err = s.fetchMany(ctx, collection, batch); errors.Is(err, errNoMultiget) {
			s.single.Store(true)
		}
	}
	for _, o := range batch {
		data, err := found[o.path], error(nil)
		if data == nil {
			data, err = s.fetch(ctx, o.path)
		}
		if !fn(o, data, err) {
			return
		}
	}
}

// ask asks about what is in a collection. The caller closes the body.
func (s *remoteServer) ask(ctx context.Context, method, collection, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.address(collection), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Depth", "1")
	r.Header.Set("Content-Type", "application/xml; charset=utf-8")
	return s.http.Do(r)
}
