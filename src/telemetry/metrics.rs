//! The numbers at `/metrics`, in Prometheus's format.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// Seconds. From a cached read to a turn with tools.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// How often samples are gathered into their buckets where nobody scrapes; until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// What this process counted. Cheap to clone. Count with the macros of the `metrics` crate; names are
/// `botwright_<what>_<unit>`, histograms are in seconds.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// The process's one recorder, which is made at the first call.
    pub fn of_process() -> Self {
        static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
        let handle = HANDLE.get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let builder = builder.set_buckets(&BUCKETS).unwrap_or_else(|_| PrometheusBuilder::new());
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another recorder of metrics is installed; ours stays empty");
            }
            handle
        });
        Self(handle.clone())
    }

    /// The numbers as text, with what the process itself takes.
    pub fn render(&self) -> String {
        let mut text = self.0.render();
        if let Some(bytes) = resident_bytes() {
            let _ = write!(
                text,
                "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {bytes}\n"
            );
        }
        if let Some(seconds) = cpu_seconds() {
            let _ = write!(
                text,
                "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {seconds}\n"
            );
        }
        text
    }

    /// Keeps the memory of samples small until `stop`.
    pub async fn keep_small(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(UPKEEP);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.0.run_upkeep();
        }
    }
}

/// The memory that this process occupies. `None` where the system has no `/proc`.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?
        .trim()
        .strip_suffix(" kB")?
        .parse()
        .ok()?;
    Some(kilobytes * 1024)
}

/// The processor time that this process has used.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold anything; user and system time are the 12th and 13th fields after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0) // ticks, which Linux shows as hundredths everywhere
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn what_is_counted_is_rendered_with_what_the_process_takes() {
        let counted = Metrics::of_process();
        metrics::counter!("botwright_test_total").increment(3);
        metrics::histogram!("botwright_test_seconds").record(0.004);
        let text = Metrics::of_process().render();
        assert!(text.contains("botwright_test_total 3"), "{text}");
        assert!(counted.render().contains("botwright_test_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        if cfg!(target_os = "linux") {
            assert!(
                text.contains("process_resident_memory_bytes ")
                    && text.contains("process_cpu_seconds_total ")
            );
        }
    }
}
