//! The browser's processes, read from Linux's /proc: CPU time and peak memory. Other systems report nothing here.

use std::fs;

/// Linux counts a process's time in hundredths of a second, whatever the kernel's own clock.
const MS_PER_TICK: f64 = 10.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessKind {
    /// The page and its workers.
    Renderer,
    /// WebGPU, and SwiftShader if there is no GPU.
    Gpu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    id: u32,
}

impl Process {
    /// The busiest process of this kind among the descendants of `root`.
    pub fn find(root: Option<u32>, kind: ProcessKind) -> Option<Self> {
        let argument = match kind {
            ProcessKind::Renderer => "--type=renderer",
            ProcessKind::Gpu => "--type=gpu-process",
        };
        let is_wanted = |process: &Self| {
            let command = fs::read(format!("/proc/{}/cmdline", process.id)).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(argument)
        };
        descendants(root?).into_iter().filter(is_wanted).max_by(|a, b| a.busy_ms().total_cmp(&b.busy_ms()))
    }

    /// CPU time so far, of all threads together.
    fn busy_ms(self) -> f64 {
        Stat::read(&format!("/proc/{}/stat", self.id)).map_or(0.0, |stat| stat.busy_ms)
    }

    /// CPU time so far of the newest worker's thread.
    pub fn worker_busy_ms(self) -> Option<f64> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id)).ok()?.flatten();
        let threads = threads.filter(|thread| {
            // "DedicatedWorker thread", cut to the length that Linux keeps of a thread's name.
            fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.starts_with("DedicatedWorker"))
        });
        let newest = threads.max_by_key(|thread| thread.file_name().to_string_lossy().parse::<u32>().unwrap_or(0))?;
        Some(Stat::read(&newest.path().join("stat").to_string_lossy())?.busy_ms)
    }

    /// The peak of its resident memory.
    pub fn peak_bytes(self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1_024)
    }
}

struct Stat {
    parent: u32,
    busy_ms: f64,
}

impl Stat {
    fn read(path: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(path).ok()?)
    }

    /// `ID (NAME) STATE PARENT …`, where the name may contain anything; user and system time are the 14th and 15th field.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok());
        Some(Self { parent: fields.get(1)?.parse().ok()?, busy_ms: (ticks(11)? + ticks(12)?) * MS_PER_TICK })
    }
}

fn descendants(root: u32) -> Vec<Process> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    let parents: Vec<(u32, u32)> =
        ids.filter_map(|id| Some((id, Stat::read(&format!("/proc/{id}/stat"))?.parent))).collect();
    let mut family = vec![root];
    let mut place = 0;
    while let Some(&parent) = family.get(place) {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        place += 1;
    }
    family.into_iter().skip(1).map(|id| Process { id }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let stat = Stat::parse("7 (a) b (c)) S 3 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 5 0 0").unwrap();
        assert_eq!((stat.parent, stat.busy_ms), (3, 3_000.0));
        assert!(Stat::parse("7 (cut").is_none());
    }
}
