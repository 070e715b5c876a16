//! The flags by which a command finds a running gateway.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rustls::ClientConfig;

use super::base_url;
use super::gateway_client::GatewayClient;
use crate::cli::failure::Failure;
use crate::cli::output::complain;
use crate::config::load_secret;
use crate::outbound::{EndpointAddress, TlsRoots, client_config};
use crate::signature::Secret;

/// For commands that do what services do, at the data listener.
#[derive(Debug, Args)]
pub(in crate::cli) struct DataArguments {
    /// The gateway's data listener
    #[arg(long, value_name = "URL", env = "MQ_GATEWAY_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// File with a token that is sent as `Authorization: Bearer`, for a proxy before the gateway that wants one
    // No variable: that of operators' commands may be set, and its token is not every service's.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArguments,
}

/// For commands of operators, at the management listeners of one gateway or of several.
#[derive(Debug, Args)]
pub(in crate::cli) struct ManagementArguments {
    /// The gateway's management listener; several replicas: repeat it, or write commas between
    #[arg(
        long,
        value_name = "URL",
        env = "MQ_GATEWAY_MANAGEMENT_URL",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:8081"
    )]
    url: Vec<String>,
    /// File with the operators' token, which is sent as `Authorization: Bearer`
    #[arg(long, value_name = "FILE", env = "MQ_GATEWAY_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArguments,
}

/// How a gateway is known.
#[derive(Debug, Args)]
struct TrustArguments {
    /// With https://: PEM file of the only authorities to trust [default: the public ones]
    #[arg(long, value_name = "FILE", env = "MQ_GATEWAY_CA_FILE")]
    ca_file: Option<PathBuf>,
}

impl DataArguments {
    /// The gateway that the flags name.
    pub(in crate::cli) fn client(&self) -> Result<GatewayClient, Failure> {
        self.trust.client(&self.url, self.token_file.as_deref())
    }
}

impl ManagementArguments {
    /// The gateways that the flags name, at least one.
    pub(in crate::cli) fn clients(&self) -> Result<Vec<GatewayClient>, Failure> {
        self.url.iter().map(|url| self.trust.client(url, self.token_file.as_deref())).collect()
    }

    /// The gateway that the flags name, for commands that ask one.
    pub(in crate::cli) fn client(&self) -> Result<GatewayClient, Failure> {
        match self.url.as_slice() {
            [url] => self.trust.client(url, self.token_file.as_deref()),
            [] | [_, ..] => Err(Failure::usage("--url: this command asks one gateway; name one")),
        }
    }
}

impl TrustArguments {
    fn client(&self, url: &str, token_file: Option<&Path>) -> Result<GatewayClient, Failure> {
        let origin = base_url::parse("--url", url)?;
        let token = token_file.map(token).transpose()?;
        if token.is_some() && is_readable_on_the_way(&origin.address) {
            // No refusal: management listeners have no TLS of their own, and clusters are asked by http.
            complain(&format!("the token goes to {url} unencrypted: whoever is on the way can read it"));
        }
        Ok(GatewayClient::new(origin, self.tls()?, token))
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, Failure> {
        let roots = self.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File);
        client_config(&roots).map_err(|error| Failure::usage(error.to_string().replace("ca_file ", "--ca-file ")))
    }
}

/// Whether what is sent there leaves the machine, and is not encrypted.
fn is_readable_on_the_way(EndpointAddress { tls, host, .. }: &EndpointAddress) -> bool {
    let is_here = host.parse::<IpAddr>().map_or(host == "localhost", |address| address.is_loopback());
    !tls && !is_here
}

fn token(path: &Path) -> Result<Secret, Failure> {
    load_secret(path).map_err(|error| Failure::usage(format!("--token-file: {error}")))
}
