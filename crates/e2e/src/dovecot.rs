//! Dovecot, which keeps the mailboxes of an environment, and who gives tokens for them.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use crate::configuration::write_configuration;
use crate::{Domain, Environment, EnvironmentError, System, World};

/// Everything is at the address of the MX host of `good.test`, whose certificate it has.
const ADDRESS: &str = "127.70.1.2";

/// `dovecot.conf`: IMAP with STARTTLS at 143, with TLS at 993; by password or by token.
const CONFIGURATION: &str = "\
protocols = imap
listen = 127.70.1.2
log_path = /e2e/log/dovecot-mail
ssl = yes
ssl_cert = </e2e/certificates/mx1.good.test.pem
ssl_key = </e2e/certificates/mx1.good.test.pem
disable_plaintext_auth = yes
auth_mechanisms = plain login xoauth2
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:/e2e/mail/%u
mail_uid = mail
mail_gid = mail
mailbox_list_index = no
passdb {
  driver = static
  mechanisms = plain login
  args = password=secret-word
}
passdb {
  driver = oauth2
  mechanisms = xoauth2
  args = /e2e/dovecot-oauth2.conf
}
userdb {
  driver = static
  args = allow_all_users=yes uid=mail gid=mail home=/e2e/mail/%u
}
service imap-login {
  inet_listener imap {
    port = 143
  }
  inet_listener imaps {
    port = 993
    ssl = yes
  }
}
";

/// How Dovecot learns whether a token holds, and whose it is.
const OAUTH2: &str = "\
tokeninfo_url = http://127.70.1.2:8081/tokeninfo?access_token=
username_attribute = email
";

impl Environment {
    /// Boots the servers of a world with the one domain `good.test`, and Dovecot with a token
    /// endpoint at its MX host, `mx1.good.test`. Any user may log in with the password
    /// `secret-word`, `me@good.test` also with a token of the client `client`.
    ///
    /// # Errors
    ///
    /// As [`Environment::start`].
    pub fn start_with_mailboxes() -> Result<Self, EnvironmentError> {
        let world = World::new(vec![Domain::good("good.test")]);
        let systems = [System::Trixie, System::Bookworm];
        Self::boot("mailboxes", &systems, |directory| {
            write_configuration(&world, directory)?;
            write_mailboxes(directory)
        })
    }

    /// Questions Dovecot by its own program, or has it change mailboxes.
    ///
    /// Nothing that signals its processes, such as `kick`, `reload` or `stop`: the program runs
    /// outside the environment's namespace of processes, where those numbers belong to others.
    ///
    /// # Errors
    ///
    /// When it could not be run, or did not end in time. Its exit status is the caller's to judge.
    pub fn doveadm(&self, arguments: &[&str]) -> Result<Output, EnvironmentError> {
        let arguments = [&["-c", "/e2e/dovecot.conf"][..], arguments].concat();
        self.run_in(System::Bookworm, "/usr/bin/doveadm", &arguments)
    }
}

fn write_mailboxes(directory: &Path) -> Result<(), EnvironmentError> {
    let mail = directory.join("mail");
    fs_err::create_dir(&mail)?;
    // The user of the mailboxes is the Debian system's own.
    fs_err::set_permissions(&mail, std::fs::Permissions::from_mode(0o777))?;
    fs_err::write(directory.join("dovecot.conf"), CONFIGURATION)?;
    fs_err::write(directory.join("dovecot-oauth2.conf"), OAUTH2)?;
    let mut listeners =
        fs_err::OpenOptions::new().append(true).open(directory.join("listeners"))?;
    for port in [143, 993, 8081, 8443] {
        writeln!(listeners, "{ADDRESS} {port}")?;
    }
    Ok(())
}
