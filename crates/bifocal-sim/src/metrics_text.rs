//! The `/metrics` page of the simulated servers: vLLM's names for each component, DCGM's for each accelerator.

use std::fmt::Write as _;

use bifocal_model::Timestamp;

use crate::component::{COMPONENTS, Component, GPU_MEMORY_MIB};
use crate::fleet::Fleet;
use crate::incident::Incidents;
use crate::load::{Done, Load, MEAN_ANSWER_TOKENS, MEAN_PROMPT_TOKENS, done};

/// Share of the answers that end for lack of tokens, in the counter by reason.
const CUT_SHARE: f64 = 0.004;
/// Watts of an accelerator that is idle and of one that is busy.
const WATTS: (f64, f64) = (92.0, 610.0);

struct State {
    component: &'static Component,
    load: Load,
    done: Done,
}

/// One family: name, type, help, and its value for a component.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&State) -> f64,
}

const FAMILIES: [Family; 6] = [
    Family {
        name: "vllm:num_requests_running",
        kind: "gauge",
        help: "Number of requests in model execution batches.",
        value: |state| state.load.running,
    },
    Family {
        name: "vllm:num_requests_waiting",
        kind: "gauge",
        help: "Number of requests waiting to be processed.",
        value: |state| state.load.waiting,
    },
    Family {
        name: "vllm:kv_cache_usage_perc",
        kind: "gauge",
        help: "KV-cache usage. 1 means 100 percent usage.",
        value: |state| state.load.kv_cache,
    },
    Family {
        name: "vllm:prompt_tokens_total",
        kind: "counter",
        help: "Number of prefill tokens processed.",
        value: |state| (state.done.requests * MEAN_PROMPT_TOKENS).floor(),
    },
    Family {
        name: "vllm:generation_tokens_total",
        kind: "counter",
        help: "Number of generation tokens processed.",
        value: |state| (state.done.requests * MEAN_ANSWER_TOKENS).floor(),
    },
    Family {
        name: "vllm:num_preemptions_total",
        kind: "counter",
        help: "Cumulative number of preemptions from the engine.",
        value: |state| state.done.preemptions.floor(),
    },
];

const GPU_FAMILIES: [Family; 4] = [
    Family {
        name: "DCGM_FI_DEV_GPU_UTIL",
        kind: "gauge",
        help: "GPU utilization (in %).",
        value: |state| (state.load.gpu_busy * 100.0).round(),
    },
    Family {
        name: "DCGM_FI_DEV_FB_USED",
        kind: "gauge",
        help: "Framebuffer memory used (in MiB).",
        value: |state| state.component.gpu_memory_mib,
    },
    Family {
        name: "DCGM_FI_DEV_FB_FREE",
        kind: "gauge",
        help: "Framebuffer memory free (in MiB).",
        value: |state| GPU_MEMORY_MIB - state.component.gpu_memory_mib,
    },
    Family {
        name: "DCGM_FI_DEV_POWER_USAGE",
        kind: "gauge",
        help: "Power draw (in W).",
        value: |state| (WATTS.0 + (WATTS.1 - WATTS.0) * state.load.gpu_busy).round(),
    },
];

impl Fleet {
    /// The page at a time.
    pub fn metrics_text(&self, time: Timestamp, incidents: &Incidents) -> String {
        let states = COMPONENTS.each_ref().map(|component| State {
            component,
            load: self.load(component, time, incidents),
            done: done(component, time, incidents),
        });
        let mut page = String::with_capacity(4096);
        for family in &FAMILIES {
            family.head(&mut page);
            for state in &states {
                let (name, value) = (family.name, (family.value)(state));
                let _ =
                    writeln!(page, "{name}{{engine=\"0\",model_name=\"{}\"}} {value}", state.component.name);
            }
        }
        page.push_str("# HELP vllm:request_success_total Count of successfully processed requests.\n");
        page.push_str("# TYPE vllm:request_success_total counter\n");
        for state in &states {
            for (reason, share) in [("stop", 1.0 - CUT_SHARE), ("length", CUT_SHARE)] {
                let value = (state.done.requests * share).floor();
                let _ = writeln!(
                    page,
                    "vllm:request_success_total{{engine=\"0\",finished_reason=\"{reason}\",model_name=\"{}\"}} {value}",
                    state.component.name
                );
            }
        }
        for family in &GPU_FAMILIES {
            family.head(&mut page);
            for state in &states {
                for gpu in state.component.gpus {
                    let (name, value) = (family.name, (family.value)(state));
                    let _ = writeln!(
                        page,
                        "{name}{{gpu=\"{gpu}\",UUID=\"GPU-simulated-{gpu}\",device=\"nvidia{gpu}\",model_name=\"{}\"}} {value}",
                        state.component.name
                    );
                }
            }
        }
        page
    }
}

impl Family {
    fn head(&self, page: &mut String) {
        let _ = writeln!(page, "# HELP {} {}\n# TYPE {} {}", self.name, self.help, self.name, self.kind);
    }
}
