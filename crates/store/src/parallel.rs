//! Several transfers at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many servers are asked at a time: enough to hide their latency, few enough to be polite.
const THREADS: usize = 8;

/// `work`, such as a fetch, on every item, eight at a time; results in the items' order. The first
/// failure in that order is returned; nothing new is begun after one.
pub fn in_parallel<I: Sync, T: Send, E: Send>(
    items: &[I],
    work: impl Fn(&I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(number) else {
                        return;
                    };
                    let result = work(item);
                    if result.is_err() {
                        next.store(items.len(), Ordering::Relaxed);
                    }
                    // A thread that panicked while pushing would have ended the scope.
                    if let Ok(mut results) = results.lock() {
                        results.push((number, result));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::in_parallel;

    #[test]
    fn keeps_the_order_and_reports_a_failure() {
        let numbers: Vec<usize> = (0..100).collect();
        let doubled = in_parallel(&numbers, |number| Ok::<_, ()>(number * 2)).unwrap();
        assert_eq!(
            doubled,
            (0..100).map(|number| number * 2).collect::<Vec<_>>()
        );
        let failed = in_parallel(
            &numbers,
            |&number| if number == 7 { Err(number) } else { Ok(()) },
        );
        assert_eq!(failed, Err(7));
        assert_eq!(
            in_parallel(&[], |&number: &usize| Ok::<_, ()>(number)),
            Ok(Vec::new())
        );
    }
}
