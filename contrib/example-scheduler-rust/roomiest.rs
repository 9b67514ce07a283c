//! roomiest.rs - a scheduler in Rust: the node that keeps the largest share free goes first.
//!
//! The policy is `Roomiest::cost`; what stands around it is cube/plugin.h and cube/scheduler.h as
//! Rust sees them, and the functions that cube calls. The structs are those of ABI 1.0, held to
//! their layout when this is compiled. A later cube only adds fields behind them, and a plugin that
//! says how large its own are goes on working.
//!
//! Needs rustc and no crate; see the Makefile beside it. It is compiled with panic=abort: a panic
//! may not pass through C.

use std::ffi::{c_char, c_int, c_void, CStr};
use std::mem::{offset_of, size_of};
use std::ptr::{addr_of_mut, null, null_mut};
use std::slice;

// ---- the policy ----

struct Roomiest {
    host: *const Host,
    memory_weight: f64,
}

impl Roomiest {
    /// The larger of the shares of cpu and memory that are taken when the task is there.
    fn cost(&self, nodes: &Columns, demand: &Demand, row: usize) -> f64 {
        let cpu = taken(nodes.total_mcpu[row], nodes.free_mcpu[row], demand.mcpu);
        let memory = taken(
            nodes.total_memory_bytes[row],
            nodes.free_memory_bytes[row],
            demand.memory_bytes,
        );
        cpu.max(self.memory_weight * memory)
    }
}

fn taken(total: i64, free: i64, wanted: i64) -> f64 {
    if total > 0 {
        1.0 - (free as f64 - wanted as f64) / total as f64
    } else {
        1.0
    }
}

// ---- cube/plugin.h ----

const SCHEDULER: u32 = 1;
const ERR_INVALID: c_int = -1;
const ERR_NO_MEMORY: c_int = -6;
const ROW_PURE: u32 = 1;

#[repr(C)]
pub struct Error {
    code: i32,
    sys_errno: i32,
    message: [u8; 248],
}

#[repr(C)]
pub struct Host {
    struct_size: u32,
    abi_minor: u32,
    ctx: *mut c_void,
    identity: *const c_char,
    log: unsafe extern "C" fn(*mut c_void, c_int, *const c_char),
    now_ms: unsafe extern "C" fn(*mut c_void) -> u64,
    random: unsafe extern "C" fn(*mut c_void) -> u64,
    realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
}

#[repr(C)]
pub struct Opt {
    key: *const c_char,
    default_value: *const c_char,
    help: *const c_char,
}

#[repr(C)]
pub struct Plugin {
    struct_size: u32,
    abi_major: u16,
    abi_minor: u16,
    kind: u32,
    flags: u32,
    name: *const c_char,
    version: *const c_char,
    summary: *const c_char,
    options: *const Opt,
    ops: *const Ops, // a union of pointers in C
}

// ---- cube/scheduler.h ----

#[repr(C)]
pub struct Nodes {
    struct_size: u32,
    count: u32,
    key: *const u64,
    tasks: *const u32,
    total_mcpu: *const i64,
    free_mcpu: *const i64,
    total_memory_bytes: *const i64,
    free_memory_bytes: *const i64,
    total_disk_bytes: *const i64,
    free_disk_bytes: *const i64,
    cpu_busy: *const f32,
    domain: *const u32,
}

#[repr(C)]
pub struct Demand {
    struct_size: u32,
    shape: u32,
    mcpu: i64,
    memory_bytes: i64,
    disk_bytes: i64,
    eligible: *const u64,
    group: u32,
    priority: u32,
    peers: *const u32,
}

type Select =
    unsafe extern "C" fn(*mut c_void, *const Nodes, *const Demand, *mut u32, *mut u32, *mut Error) -> c_int;
type Score =
    unsafe extern "C" fn(*mut c_void, *const Nodes, *const Demand, *const u32, u32, *mut f64, *mut Error) -> c_int;
type Pick = unsafe extern "C" fn(
    *mut c_void, *const Nodes, *const Demand, *const u32, *const f64, u32, *mut u32, *mut Error,
) -> c_int;

#[repr(C)]
pub struct Ops {
    struct_size: u32,
    flags: u32,
    open: unsafe extern "C" fn(*const Host, *const *const c_char, *mut *mut c_void, *mut Error) -> c_int,
    close: unsafe extern "C" fn(*mut c_void),
    select: Option<Select>,
    score: Score,
    pick: Option<Pick>,
}

// The layout that the headers promise.
const _: () = {
    assert!(size_of::<Error>() == 256 && offset_of!(Error, message) == 8);
    assert!(size_of::<Host>() == 56 && offset_of!(Host, ctx) == 8 && offset_of!(Host, realloc) == 48);
    assert!(size_of::<Opt>() == 24);
    assert!(size_of::<Plugin>() == 56 && offset_of!(Plugin, kind) == 8 && offset_of!(Plugin, name) == 16);
    assert!(offset_of!(Plugin, options) == 40 && offset_of!(Plugin, ops) == 48);
    assert!(size_of::<Nodes>() == 88 && offset_of!(Nodes, key) == 8 && offset_of!(Nodes, total_mcpu) == 24);
    assert!(offset_of!(Nodes, total_memory_bytes) == 40 && offset_of!(Nodes, domain) == 80);
    assert!(size_of::<Demand>() == 56 && offset_of!(Demand, mcpu) == 8 && offset_of!(Demand, eligible) == 32);
    assert!(offset_of!(Demand, priority) == 44 && offset_of!(Demand, peers) == 48);
    assert!(size_of::<Ops>() == 48 && offset_of!(Ops, open) == 8 && offset_of!(Ops, score) == 32);
};

/// The columns that the policy looks at, each as long as there are nodes.
struct Columns<'a> {
    total_mcpu: &'a [i64],
    free_mcpu: &'a [i64],
    total_memory_bytes: &'a [i64],
    free_memory_bytes: &'a [i64],
}

impl<'a> Columns<'a> {
    /// # Safety
    /// nodes is cube's, with at least one row, and lives as long as what is returned.
    unsafe fn of(nodes: &'a Nodes) -> Self {
        let column = |first: *const i64| unsafe { slice::from_raw_parts(first, nodes.count as usize) };
        Columns {
            total_mcpu: column(nodes.total_mcpu),
            free_mcpu: column(nodes.free_mcpu),
            total_memory_bytes: column(nodes.total_memory_bytes),
            free_memory_bytes: column(nodes.free_memory_bytes),
        }
    }
}

// ---- what cube calls ----

/// Fills in err, cut where it ends, and returns code.
unsafe fn fail(err: *mut Error, code: c_int, text: &[&[u8]]) -> c_int {
    let message = unsafe { &mut *addr_of_mut!((*err).message) };
    let end = message.len() - 1;
    let mut used = 0;
    for byte in text.iter().flat_map(|part| part.iter()).take(end) {
        message[used] = *byte;
        used += 1;
    }
    message[used] = 0;
    unsafe {
        (*err).code = code;
        (*err).sys_errno = 0;
    }
    code
}

unsafe extern "C" fn open(
    host: *const Host, options: *const *const c_char, own: *mut *mut c_void, err: *mut Error,
) -> c_int {
    let text = unsafe { CStr::from_ptr(*options) };
    let memory_weight = match text.to_str().ok().and_then(|t| t.parse::<f64>().ok()) {
        Some(value) if (0.0..=1000.0).contains(&value) => value,
        _ => return unsafe { fail(err, ERR_INVALID, &[b"memory=", text.to_bytes(), b": wants 0 to 1000"]) },
    };
    let room = unsafe { ((*host).realloc)((*host).ctx, null_mut(), size_of::<Roomiest>()) };
    if room.is_null() {
        return unsafe { fail(err, ERR_NO_MEMORY, &[b"out of memory"]) };
    }
    unsafe {
        room.cast::<Roomiest>().write(Roomiest { host, memory_weight });
        *own = room;
    }
    0
}

unsafe extern "C" fn close(own: *mut c_void) {
    unsafe {
        let host = (*own.cast::<Roomiest>()).host;
        ((*host).realloc)((*host).ctx, own, 0);
    }
}

unsafe extern "C" fn score(
    own: *mut c_void, nodes: *const Nodes, demand: *const Demand, rows: *const u32, n: u32, cost: *mut f64,
    _err: *mut Error,
) -> c_int {
    let roomiest = unsafe { &*own.cast::<Roomiest>() };
    let columns = unsafe { Columns::of(&*nodes) };
    let rows = unsafe { slice::from_raw_parts(rows, n as usize) };
    for (i, row) in rows.iter().enumerate() {
        // Written one by one: what is there before is not initialized.
        unsafe { cost.add(i).write(roomiest.cost(&columns, &*demand, *row as usize)) };
    }
    0
}

// ---- what it exports ----

/// Pointers to what never changes.
pub struct Constant<T>(T);
unsafe impl<T> Sync for Constant<T> {}

static OPTIONS: Constant<[Opt; 2]> = Constant([
    Opt {
        key: c"memory".as_ptr(),
        default_value: c"1".as_ptr(),
        help: c"weight of memory beside cpu: 0 to 1000".as_ptr(),
    },
    Opt { key: null(), default_value: null(), help: null() },
]);

static OPS: Ops = Ops {
    struct_size: size_of::<Ops>() as u32,
    flags: ROW_PURE,
    open,
    close,
    select: None,
    score,
    pick: None,
};

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static cube_plugin: Constant<Plugin> = Constant(Plugin {
    struct_size: size_of::<Plugin>() as u32,
    abi_major: 1,
    abi_minor: 0,
    kind: SCHEDULER,
    flags: 0,
    name: c"roomiest".as_ptr(),
    version: c"1.0".as_ptr(),
    summary: c"the node that keeps the largest share free".as_ptr(),
    options: &OPTIONS.0[0],
    ops: &OPS,
});
