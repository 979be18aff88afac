//! The simulated container runtime behind a CRI-shaped interface: sandboxes, containers, images, processes.

mod abandon;
mod container;
mod exec;
mod guest_spec;
mod guest_volumes;
mod guests;
mod images;
mod pod_map;
mod process;
mod sandbox;
mod service;
mod volumes;

pub use container::{Container, ContainerState};
pub use exec::{CANCELED, Ending, ExecCall, NOT_RUNNING, ProbeReply, command_failed, command_killed, runtime_error};
pub use guests::{AskPod, GuestAnswer, GuestExec, Guests};
pub use images::Images;
pub use pod_map::PodMap;
pub use sandbox::Sandbox;
pub use service::Runtime;
pub use volumes::VolumePlugin;

use crate::api::pod::{Name, concat};

/// The address with that number in a network of nodes or pods: `10.88.0.2`.
pub(crate) fn address(network: usize, number: usize) -> Name {
    let digits = [network, number / 256, number].map(|octet| {
        let octet = (octet % 256) as u8;
        [octet / 100, octet / 10 % 10, octet % 10].map(|digit| b'0' + digit)
    });
    let octets = digits.each_ref().map(|digits| {
        let zeros = digits.iter().take(2).take_while(|digit| **digit == b'0').count();
        str::from_utf8(&digits[zeros..]).expect("digits are a text")
    });
    concat(&["10.", octets[0], ".", octets[1], ".", octets[2]])
}

/// A pod of the run: its place in the input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PodIx(pub usize);

/// A node of the run: its place in the input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NodeIx(pub usize);

impl NodeIx {
    /// The node of a pod that the scheduler has not placed.
    pub const NONE: NodeIx = NodeIx(usize::MAX);

    /// The address of the node: its hostIP.
    pub(crate) fn address(self) -> Name {
        address(0, self.0.saturating_add(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_four_numbers_below_256() {
        for (network, number, text) in [
            (88, 2, "10.88.0.2"),
            (0, 260, "10.0.1.4"),
            (105, 65_535, "10.105.255.255"),
            (0, 65_536 + 10 * 256 + 100, "10.0.10.100"),
        ] {
            assert_eq!(address(network, number), text);
        }
    }
}
