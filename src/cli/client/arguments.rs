//! The flags by which a command finds a running gateway.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rustls::ClientConfig;

use super::base_url;
use super::gateway_client::GatewayClient;
use crate::cli::failure::Failure;
use crate::config::load_secret;
use crate::outbound::{TlsRoots, client_config};
use crate::signature::Secret;

/// For commands that do what services do, at the data listener.
#[derive(Debug, Args)]
pub(in crate::cli) struct DataArguments {
    /// The gateway's data listener
    #[arg(long, value_name = "URL", env = "MQ_GATEWAY_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    #[command(flatten)]
    access: AccessArguments,
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
    #[command(flatten)]
    access: AccessArguments,
}

/// How a gateway is known, and how it knows who asks.
#[derive(Debug, Args)]
struct AccessArguments {
    /// File with the token that is sent as `Authorization: Bearer`
    #[arg(long, value_name = "FILE", env = "MQ_GATEWAY_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// With https://: PEM file of the only authorities to trust [default: the public ones]
    #[arg(long, value_name = "FILE", env = "MQ_GATEWAY_CA_FILE")]
    ca_file: Option<PathBuf>,
}

impl DataArguments {
    /// The gateway that the flags name.
    pub(in crate::cli) fn client(&self) -> Result<GatewayClient, Failure> {
        self.access.client(&self.url)
    }
}

impl ManagementArguments {
    /// The gateways that the flags name, at least one.
    pub(in crate::cli) fn clients(&self) -> Result<Vec<GatewayClient>, Failure> {
        self.url.iter().map(|url| self.access.client(url)).collect()
    }

    /// The gateway that the flags name, for commands that ask one.
    pub(in crate::cli) fn client(&self) -> Result<GatewayClient, Failure> {
        match self.url.as_slice() {
            [url] => self.access.client(url),
            [] | [_, ..] => Err(Failure::usage("--url: this command asks one gateway; name one")),
        }
    }
}

impl AccessArguments {
    fn client(&self, url: &str) -> Result<GatewayClient, Failure> {
        let origin = base_url::parse("--url", url)?;
        let token = self.token_file.as_deref().map(token).transpose()?;
        Ok(GatewayClient::new(origin, self.tls()?, token))
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, Failure> {
        let roots = self.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File);
        client_config(&roots).map_err(|error| Failure::usage(error.to_string().replace("ca_file ", "--ca-file ")))
    }
}

fn token(path: &Path) -> Result<Secret, Failure> {
    load_secret(path).map_err(|error| Failure::usage(format!("--token-file: {error}")))
}
