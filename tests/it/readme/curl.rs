//! The curl of the documents' commands, as far as they use it; everything else is refused.

use std::net::SocketAddr;

use crate::support::TestApp;
use crate::support::client::Request;

/// A curl command with the flags that the documents use.
#[derive(Debug, Default)]
pub struct Curl {
    method: Option<String>,
    headers: Vec<String>,
    body: Option<String>,
    url: Option<String>,
}

impl Curl {
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut curl = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("curl: no value behind {argument}"));
            match argument.as_str() {
                "-s" => {}
                "-X" => set_once(&mut curl.method, argument, value()?)?,
                "-H" => curl.headers.push(header_line(value()?)?),
                "-d" | "--data-binary" => set_once(&mut curl.body, argument, literal(value()?)?)?,
                flag if flag.starts_with('-') => return Err(format!("curl: the flag {flag} is not supported")),
                url => set_once(&mut curl.url, "the URL", url)?,
            }
        }
        Ok(curl)
    }

    /// The request that curl would send.
    pub fn request(&self, addresses: &Addresses) -> Result<Request, String> {
        let (address, target) = addresses.locate(self.url.as_ref().ok_or("curl: there is no URL")?)?;
        let usual_method = if self.body.is_some() { "POST" } else { "GET" };
        let mut request = Request::new(address, self.method.as_deref().unwrap_or(usual_method), target);
        let form = self.body.as_ref().map(|_| "Content-Type: application/x-www-form-urlencoded");
        for usual in ["User-Agent: curl/8.5.0", "Accept: */*"].into_iter().chain(form) {
            if !self.headers.iter().any(|line| name_of(line).eq_ignore_ascii_case(name_of(usual))) {
                request = request.header(usual);
            }
        }
        request = self.headers.iter().fold(request, Request::header);
        Ok(self.body.iter().fold(request, Request::body))
    }
}

fn set_once(place: &mut Option<String>, what: &str, value: &str) -> Result<(), String> {
    match place.replace(value.to_owned()) {
        None => Ok(()),
        Some(_) => Err(format!("curl: {what} comes a second time")),
    }
}

fn header_line(line: &str) -> Result<String, String> {
    let whole = line.split_once(':').is_some_and(|(name, value)| !name.is_empty() && !value.trim().is_empty());
    if whole { Ok(line.to_owned()) } else { Err(format!("curl: the header {line:?} is not supported")) }
}

fn name_of(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}

fn literal(body: &str) -> Result<&str, String> {
    if body.starts_with('@') { Err("curl: a body out of a file is not supported".into()) } else { Ok(body) }
}

/// The usual addresses, and where the application listens in their place.
#[derive(Debug)]
pub struct Addresses([(&'static str, SocketAddr); 3]);

impl Addresses {
    pub fn of(app: &TestApp) -> Self {
        Self::new([app.data(), app.management(), app.embedded_address()])
    }

    pub fn new([data, management, embedded]: [SocketAddr; 3]) -> Self {
        Self([("127.0.0.1:8080", data), ("127.0.0.1:8081", management), ("127.0.0.1:8090", embedded)])
    }

    /// The address and the target that a URL means.
    fn locate<'a>(&self, url: &'a str) -> Result<(SocketAddr, &'a str), String> {
        let usual = |(usual, address): &(&str, SocketAddr)| {
            let target = url.strip_prefix("http://")?.strip_prefix(usual)?;
            Some((*address, target))
        };
        let found = self.0.iter().find_map(usual).filter(|(_, target)| target.starts_with('/'));
        // Curl would expand, cut off, shorten or refuse these.
        let plain = url.chars().all(|c| c.is_ascii_graphic() && !"[]{}#\\\"".contains(c)) && !url.contains("/.");
        found.filter(|_| plain).ok_or_else(|| format!("curl: the URL {url} is not supported"))
    }

    pub fn restore(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (usual, address)| text.replace(&address.to_string(), usual))
    }
}
