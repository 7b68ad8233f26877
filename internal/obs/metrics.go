package obs

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what one server counts, in the form that Prometheus asks for. A nil *Metrics counts nothing, so whoever counts
// need not know whether somebody looks. No label comes from a request or a calendar: how many there are is
// fixed here.
type Metrics struct {
	registry *prometheus.Registry

	dueAlarms, sentReminders, lateReminders, missed, putOff prometheus.Counter
	lateness                                                prometheus.Histogram

	jobs    *prometheus.CounterVec
	jobTime *prometheus.HistogramVec

	deliveries   *prometheus.CounterVec
	deliveryTime prometheus.Histogram

	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
}

// latenessBuckets span what a person would not notice to what they were told is late, in seconds.
var latenessBuckets = []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600, 86400}

// NewMetrics returns counters that stand at nothing.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "kalends_" + name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	m.dueAlarms = counter("reminders_due_total", "Alarms of one person that fell due and were dealt with.")
	m.sentReminders = counter("reminders_sent_total", "Reminders put into the outbox; alarms that are due at the same time go in one.")
	m.lateReminders = counter("reminders_late_total", "Reminders put into the outbox that say they are late.")
	m.missed = counter("reminders_missed_total", "Reminders that were not sent because the server was away for too long.")
	m.putOff = counter("reminders_failed_total", "Objects whose reminders could not be dealt with and were put off.")
	m.lateness = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "kalends_reminder_lateness_seconds", Help: "From the time a reminder was due to its commit into the outbox.",
		Buckets: latenessBuckets,
	})
	m.jobs = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "kalends_outbox_jobs_total", Help: "Attempts at outbox jobs, by kind and by how they ended: sent, failed for good, or again later.",
	}, []string{"kind", "outcome"})
	m.jobTime = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "kalends_outbox_lateness_seconds", Help: "From the time an outbox job was due to its end: for reminders, the way from the outbox to the relay.",
		Buckets: latenessBuckets,
	}, []string{"kind"})
	m.deliveries = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "kalends_webhook_deliveries_total", Help: "Attempts at messages to webhooks, by how they ended: sent, failed for good, or again later.",
	}, []string{"outcome"})
	m.deliveryTime = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "kalends_webhook_lateness_seconds", Help: "From a change to its message's arrival at a webhook.", Buckets: latenessBuckets,
	})
	m.registry.MustRegister(m.deliveries, m.deliveryTime)
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "kalends_http_requests_total", Help: "HTTP requests that were answered.",
	}, []string{"method", "status"})
	m.latency = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "kalends_http_request_seconds", Help: "Time from the head of a request to the end of its answer.",
		Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
	}, []string{"method"})
	m.registry.MustRegister(m.lateness, m.jobs, m.jobTime, m.requests, m.latency)
	return m
}

// Handler answers with what was counted so far.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		Registry: m.registry, MaxRequestsInFlight: 3, Timeout: 10 * time.Second, ErrorHandling: promhttp.ContinueOnError,
	})
}

// ReminderSent counts a reminder that was committed into the outbox at now, for so many alarms that were due at due.
func (m *Metrics) ReminderSent(alarms int, due, now time.Time, late bool) {
	if m == nil {
		return
	}
	m.dueAlarms.Add(float64(alarms))
	m.sentReminders.Inc()
	if late {
		m.lateReminders.Inc()
	}
	m.lateness.Observe(max(now.Sub(due).Seconds(), 0))
}

// RemindersMissed counts reminders that it was too late for.
func (m *Metrics) RemindersMissed(n int) {
	if m != nil && n > 0 {
		m.dueAlarms.Add(float64(n))
		m.missed.Add(float64(n))
	}
}

// ReminderPutOff counts an object whose reminders could not be dealt with.
func (m *Metrics) ReminderPutOff() {
	if m != nil {
		m.putOff.Inc()
	}
}

// Job counts an attempt at an outbox job of a kind that was due at due. The outcome is sent, failed or again.
func (m *Metrics) Job(kind, outcome string, due, now time.Time) {
	if m == nil {
		return
	}
	m.jobs.WithLabelValues(kind, outcome).Inc()
	if outcome != "again" {
		m.jobTime.WithLabelValues(kind).Observe(max(now.Sub(due).Seconds(), 0))
	}
}

// Delivered counts an attempt at a message to a webhook, that long after the change that it tells of. The outcome is sent, failed or again.
func (m *Metrics) Delivered(outcome string, late time.Duration) {
	if m == nil {
		return
	}
	m.deliveries.WithLabelValues(outcome).Inc()
	if outcome == "sent" {
		m.deliveryTime.Observe(max(late.Seconds(), 0))
	}
}

// methods that are told apart. Anybody can make up others.
var methods = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true, "PROPFIND": true, "PROPPATCH": true,
	"REPORT": true, "MKCALENDAR": true, "MKCOL": true, "COPY": true, "MOVE": true, "ACL": true, "LOCK": true, "UNLOCK": true,
}

// Request counts an answered request.
func (m *Metrics) Request(method string, status int, took time.Duration) {
	if m == nil {
		return
	}
	if !methods[method] {
		method = "other"
	}
	code := "other"
	if status >= 100 && status < 600 {
		code = strconv.Itoa(status)
	}
	m.requests.WithLabelValues(method, code).Inc()
	m.latency.WithLabelValues(method).Observe(took.Seconds())
}

// State is what a server looks up when its metrics are asked for.
type State struct {
	// Waiting are the outbox jobs by kind that are not done yet, up to the bound of who counted them, and Oldest by kind is since when the
	// first of them is due.
	Waiting map[string]int64
	Oldest  map[string]time.Time
	// Overdue are the reminders that are due and not dealt with.
	Overdue int64
	// Webhooks are the messages that wait for webhooks, up to a bound, and WebhooksSince is since when the first of them does.
	Webhooks      int64
	WebhooksSince time.Time
	// Pool is the state of the connections to the database.
	Pool Pool
}

// Pool is the state of the connections to a database. Waits and Waited count from the start of the server.
type Pool struct {
	Open, InUse, Most               int64
	Acquired, Waits                 int64
	Waited                          time.Duration
	Statements, RoundTrips, Retries int64
}

// stateTimeout bounds what a scrape asks of the database.
const stateTimeout = 5 * time.Second

// Watch makes the metrics show what state returns, which is called at each scrape. It is called at most once.
func (m *Metrics) Watch(now func() time.Time, state func(context.Context) (State, error)) {
	m.registry.MustRegister(&watcher{now: now, state: state})
}

type watcher struct {
	now   func() time.Time
	state func(context.Context) (State, error)
}

var (
	waitingDesc  = prometheus.NewDesc("kalends_outbox_waiting", "Outbox jobs that are not done yet, by kind.", []string{"kind"}, nil)
	oldestDesc   = prometheus.NewDesc("kalends_outbox_oldest_seconds", "For how long the first of the waiting outbox jobs is due; 0 when none is.", []string{"kind"}, nil)
	overdueDesc  = prometheus.NewDesc("kalends_reminders_overdue", "Alarms that are due and not dealt with.", nil, nil)
	hooksDesc    = prometheus.NewDesc("kalends_webhook_waiting", "Messages that wait for webhooks which are on.", nil, nil)
	hookAgeDesc  = prometheus.NewDesc("kalends_webhook_oldest_seconds", "For how long the first of the messages to webhooks waits; 0 when none does.", nil, nil)
	upDesc       = prometheus.NewDesc("kalends_storage_up", "1 when the database answered at this scrape.", nil, nil)
	openDesc     = prometheus.NewDesc("kalends_storage_connections", "Connections to the database that are open.", nil, nil)
	inUseDesc    = prometheus.NewDesc("kalends_storage_connections_in_use", "Connections to the database that are in use.", nil, nil)
	mostDesc     = prometheus.NewDesc("kalends_storage_connections_max", "Most connections to the database that there may be.", nil, nil)
	acquiredDesc = prometheus.NewDesc("kalends_storage_acquired_total", "How often a connection was taken.", nil, nil)
	waitsDesc    = prometheus.NewDesc("kalends_storage_waits_total", "How often a connection had to be waited for.", nil, nil)
	waitedDesc   = prometheus.NewDesc("kalends_storage_wait_seconds_total", "Time spent in waiting for a connection.", nil, nil)
	statesDesc   = prometheus.NewDesc("kalends_storage_statements_total", "Statements that the database carried out.", nil, nil)
	tripsDesc    = prometheus.NewDesc("kalends_storage_round_trips_total", "Waits for an answer of the database.", nil, nil)
	retriesDesc  = prometheus.NewDesc("kalends_storage_retries_total", "Transactions that were run again, after a deadlock for instance.", nil, nil)
)

// Describe implements prometheus.Collector.
func (w *watcher) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		waitingDesc, oldestDesc, overdueDesc, hooksDesc, hookAgeDesc, upDesc, openDesc, inUseDesc, mostDesc, acquiredDesc, waitsDesc, waitedDesc, statesDesc, tripsDesc, retriesDesc,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. While the database is away the queues are not shown, and everything else is.
func (w *watcher) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), stateTimeout)
	defer cancel()
	s, err := w.state(ctx)
	show := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	show(openDesc, gauge, float64(s.Pool.Open))
	show(inUseDesc, gauge, float64(s.Pool.InUse))
	show(mostDesc, gauge, float64(s.Pool.Most))
	show(acquiredDesc, counter, float64(s.Pool.Acquired))
	show(waitsDesc, counter, float64(s.Pool.Waits))
	show(waitedDesc, counter, s.Pool.Waited.Seconds())
	show(statesDesc, counter, float64(s.Pool.Statements))
	show(tripsDesc, counter, float64(s.Pool.RoundTrips))
	show(retriesDesc, counter, float64(s.Pool.Retries))
	if err != nil {
		show(upDesc, gauge, 0)
		return
	}
	show(upDesc, gauge, 1)
	show(overdueDesc, gauge, float64(s.Overdue))
	show(hooksDesc, gauge, float64(s.Webhooks))
	waits := 0.0
	if !s.WebhooksSince.IsZero() {
		waits = max(w.now().Sub(s.WebhooksSince).Seconds(), 0)
	}
	show(hookAgeDesc, gauge, waits)
	for kind, n := range s.Waiting {
		show(waitingDesc, gauge, float64(n), kind)
		age := 0.0
		if at, ok := s.Oldest[kind]; ok {
			age = max(w.now().Sub(at).Seconds(), 0)
		}
		show(oldestDesc, gauge, age, kind)
	}
}
