//! The bundled node's simulator. The only file of the harness that names `target_node::simulator`.

pub(super) use target_node::simulator::{
    Datum, NAMED_FAULTS, NamedFault, Object, Operation, Outcome, Plan, Run, Settings, Violation, minimise,
    random_settings, settings_in_words, simulate,
};
