//! Tasks with names. Whoever starts a task does it here, so that the process can end in order and lose nothing.

use std::future::Future;

use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The tasks of the process (or of one stage of it).
#[derive(Clone, Debug)]
pub struct TaskGroup {
    tracker: TaskTracker,
    stop: watch::Sender<bool>,
}

/// Tells a task that it should finish what it has and end.
#[derive(Clone, Debug)]
pub struct Drain {
    stop: watch::Receiver<bool>,
}

impl TaskGroup {
    /// No task yet.
    pub fn new() -> Self {
        Self { tracker: TaskTracker::new(), stop: watch::Sender::new(false) }
    }

    /// Starts a task. Its name stands in its log lines.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(task.instrument(tracing::info_span!("task", name)));
    }

    /// Starts one of very many tasks, such as a connection. It has no name: to enter a span at every poll would cost more
    /// than some of them do.
    pub fn spawn_one_of_many<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(task);
    }

    /// Starts blocking work on a thread of its own.
    pub fn spawn_blocking<F>(&self, name: &'static str, work: F)
    where
        F: FnOnce() + Send + 'static,
    {
        self.tracker.spawn_blocking(move || tracing::info_span!("task", name).in_scope(work));
    }

    /// The signal that this group will be told to end by.
    pub fn drain(&self) -> Drain {
        Drain { stop: self.stop.subscribe() }
    }

    /// Tells every task to end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Tells every task to end and waits until all have.
    pub async fn stop_and_join(&self) {
        self.stop();
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// How many run now.
    pub fn running(&self) -> usize {
        self.tracker.len()
    }
}

impl Default for TaskGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl Drain {
    /// Waits for the signal to end.
    pub async fn requested(&mut self) {
        // The sender lives as long as the group; when it is gone there is nothing left to wait for.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }

    /// Whether the signal was given.
    pub fn is_requested(&self) -> bool {
        *self.stop.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn joining_waits_for_every_task() {
        let group = TaskGroup::new();
        let (send, receive) = tokio::sync::oneshot::channel();
        let mut drain = group.drain();
        group.spawn("waits for the signal", async move {
            drain.requested().await;
            tokio::task::yield_now().await;
            send.send("ended in order").unwrap();
        });
        group.stop_and_join().await;
        assert_eq!(receive.await.unwrap(), "ended in order");
        assert_eq!(group.running(), 0);
    }
}
