package mailer

import (
	"context"
	"sync/atomic"
	"time"
)

// gate lets one mail at a time through the step at which a kill repeats it: from the dot that ends it until its outcome is
// committed. Mails are carried up to their dot side by side as ever.
//
// Where more waits than there are workers it stands open: one relay's answer and one commit after the other would then decide how fast
// mail leaves. See docs/adr/0016.
type gate struct {
	through chan struct{} // holds one while somebody is in it
	open    atomic.Bool   // there is a queue behind the workers
}

// gateWait is how long a mail waits at most: a relay that answers slowly holds up nobody for longer.
const gateWait = 3 * time.Second

// pass is one job's way through the gate. The zero value has none to go through.
type pass struct {
	gate *gate
	in   bool
}

type passKey struct{}

// finalDot is called by a transport just before it ends a message.
func finalDot(ctx context.Context) {
	p, _ := ctx.Value(passKey{}).(*pass)
	if p == nil || p.gate == nil || p.in || p.gate.open.Load() {
		return
	}
	timer := time.NewTimer(gateWait)
	defer timer.Stop()
	select {
	case p.gate.through <- struct{}{}:
		p.in = true
	case <-timer.C:
	case <-ctx.Done():
	}
}

// leave is called once the outcome is committed, or nothing was sent.
func (p *pass) leave() {
	if p.in {
		p.in = false
		<-p.gate.through
	}
}
