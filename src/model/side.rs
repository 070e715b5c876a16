//! On whose side a failure lies.

use super::words;

words! {
    /// On whose side a failure lies: who has to do something about it.
    pub enum Side {
        /// The caller sent what cannot be done, or more than was agreed.
        Caller = "caller",
        /// The gateway is full, stops, or has a bug.
        Gateway = "gateway",
        /// The MQ refused, failed, did not answer or could not be reached.
        Mq = "mq",
    }
}
