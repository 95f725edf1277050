;;; mew-submit-loaddefs.el --- Made by `make loaddefs' -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: GPL-3.0-or-later
;;; Commentary:
;; What is in which file; `make lint' checks that this is true.
;;; Code:

;; Some package managers know of this directory alone, and not of the one above.
(let ((up (file-name-directory
           (directory-file-name (file-name-directory (or load-file-name buffer-file-name))))))
  (when (file-exists-p (expand-file-name "mew-submit.el" up))
    (add-to-list 'load-path (directory-file-name up) t)))

(autoload 'mew-submit-send "mew-submit" "Submit the message in MESSAGE-FILE in the background and return a handle.\nACCOUNT is a plist as in `mew-submit-accounts' or the name of one of those; by\ndefault the sender of the message decides.  FROM and RECIPIENTS, a string and a\nlist of strings, are the envelope; by default the header has it.  Bcc never\nleaves.\n\nON-EVENT is called with each event, a plist; ON-DONE with the last one, whose\n:result says how it ended, :text why, and :recipients who got it (README.org,\n\"Events and errors\").  Whatever goes wrong is told there and nowhere else;\nwithout ON-DONE a failure is shown as a warning.  ON-ASK is called with an `ask'\nevent, and returns the answer, a string, (USER . SECRET) or nil, or a function\nthat is called with a function to pass such an answer to; by default the user is\nasked.\n\n(fn MESSAGE-FILE &key ACCOUNT FROM RECIPIENTS ON-EVENT ON-DONE ON-ASK)" nil)
(autoload 'mew-submit-cancel "mew-submit" "Stop the submission HANDLE, which `mew-submit-send' returned.\nInteractively, stop all that run.  Return t if it still ran.  What has been sent\nup to the final dot cannot be called back; the result says so.\n\n(fn &optional HANDLE)" t)
(autoload 'mew-submit-forget-server "mew-submit" "Forget what SERVER has offered before, in `mew-submit-memory-file'.\nThis is for when an alarm was false: when the server really has stopped to offer\nSTARTTLS, or a way to log in.\n\n(fn SERVER)" t)
(autoload 'mew-submit-send-it "mew-submit" "Submit the mail in the current buffer, and return at once.\nThis is for `send-mail-function' and `message-send-mail-function'.  The message\nis put on disk first, in `mew-submit-outbox-directory'.  That it was delivered\nis told in the echo area; if it was not, the buffer *mew-submit* tells why and\nwhat to do.\n\n(fn)" nil)
(autoload 'mew-submit-send-later "mew-submit" "Put the mail in the current buffer into the outbox, to be sent at TIME.\nTIME is what a person says, as for `mew-submit-time--parse', or a Lisp time.\n\n(fn TIME)" t)
(autoload 'mew-submit-batch-cause "mew-submit-batch-cause" "Say why servers refused, for each reply on standard input, and leave Emacs.\nOptions are on the command line behind \"--\"; --help lists them.\n\n(fn)" nil)
(autoload 'mew-submit-batch-diagnose "mew-submit-batch-diagnose" "Diagnose the servers named on the command line and leave Emacs.\nOptions and hosts are behind \"--\"; --help lists them, and README.org tells\nwhat the exit status means.\n\n(fn)" nil)
(autoload 'mew-submit-batch-doctor "mew-submit-batch-doctor" "Check the set-up that Emacs has loaded, print the findings, and leave Emacs.\nOptions are on the command line behind \"--\"; --help lists them.  The exit\nstatus is 0 when there is no error.\n\n(fn)" nil)
(autoload 'mew-submit-batch-diagnose-domain "mew-submit-batch-domain" "Find out how domains take mail, print it, and leave Emacs.\nOptions and domains are on the command line behind \"--\"; --help lists them.\n\n(fn)" nil)
(autoload 'mew-submit-batch-outbox "mew-submit-batch-outbox" "List the messages that are not delivered yet, and leave Emacs.\nThe options --flush, --retry and --cancel send or hold some of them first.\n\n(fn)" nil)
(autoload 'mew-submit-batch-relay "mew-submit-batch-relay" "Be the local relay until Emacs is told to stop.\nThe options behind \"--\" say where, for whom, and how to send; --help lists\nthem.\n\n(fn)" nil)
(autoload 'mew-submit-batch-send "mew-submit-batch-send" "Submit the message on standard input and leave Emacs.\nOptions and recipients are on the command line behind \"--\"; --help lists them,\nand README.org tells what the exit status means.\n\n(fn)" nil)
(autoload 'mew-submit-sendmail-take "mew-submit-batch-sendmail" "Take the message FILE over, to be sent as OPTIONS say.\nThis is for mew-submit-sendmail, which calls it in an Emacs server.  FILE is\nrenamed first, so that it is clear who has it.  Return what\n`mew-submit-batch-sendmail--enter' does, or only :kind and :text after giving it\nback.\n\n(fn FILE OPTIONS)" nil)
(autoload 'mew-submit-batch-sendmail "mew-submit-batch-sendmail" "Send the message on standard input like sendmail(8), and leave Emacs.\nThe arguments behind \"--\" are sendmail's; README.org tells what the exit\nstatus means.\n\n(fn)" nil)
(autoload 'mew-submit-batch-survey "mew-submit-batch-survey" "Find out which case each server of a list is, print it, and leave Emacs.\nOptions and the file of the list are on the command line behind \"--\"; --help\nlists them.\n\n(fn)" nil)
(autoload 'mew-submit-take-smtpmail-queue "mew-submit-clients" "Put the mails that smtpmail has queued into the outbox.\nThey are sent, or wait there while `smtpmail-queue-mail' is non-nil.  One that\ncannot be taken over stays where it is.\n\n(fn)" t)
(autoload 'mew-submit-send-queued-mail "mew-submit-clients" "Send the mails that were held because of `smtpmail-queue-mail'.\nThis is for mew-submit what `smtpmail-send-queued-mail' is for smtpmail, and\nwhat keys and menus for that do in `mew-submit-mode'.  What smtpmail itself has\nqueued is taken over first.\n\n(fn)" t)
(autoload 'mew-submit-mode "mew-submit-clients" "Have every mail client of Emacs send by mew-submit.\nMessage mode, Mail mode, Gnus, mu4e, notmuch, Rmail and whatever else goes by\n`send-mail-function' or `message-send-mail-function' put their mail into the\noutbox and return at once.  Copies (Fcc, Gcc) are filed when the mail has been\ndelivered.  Mail that is in the outbox already is sent.\n\nWhen the mode is turned off, what was there before is there again, except for\nwhat has been changed meanwhile.\n\n(fn &optional ARG)" t)
(custom-autoload 'mew-submit-mode "mew-submit-clients")
(autoload 'mew-submit-file-copies "mew-submit-copies" "File the copies of delivered mail that could not be filed before.\n\n(fn)" t)
(autoload 'mew-submit-copies--soon "mew-submit-copies" "Have the copies of what was delivered just now filed, soon.\nA batch Emacs may not wait for a timer.\n\n(fn)" nil)
(autoload 'mew-submit-last-delivery "mew-submit-delivery" "Show how the last message went: a waterfall of every attempt over time.\n\\<mew-submit-delivery-mode-map>\\[mew-submit-delivery-save-svg] saves it as SVG.\n\n(fn)" t)
(autoload 'mew-submit-diagnose "mew-submit-diagnose" "Find out why mail cannot be sent to SERVER, who is at fault, and what to do.\nThe ports 25, 465 and 587 are looked at, at each address of SERVER, in both\naddress families; nothing is sent, nobody logs in.  The report appears while\nthis is going on, and Emacs stays free.  Interactively the default is the\naccount's server; with a prefix argument you are asked whether to try as well\nif the server is an open relay (RELAY-TEST).\n\n(fn SERVER &optional RELAY-TEST)" t)
(autoload 'mew-submit-diagnose-ports "mew-submit-diagnose" "Show what is behind all mail ports of SERVER, in one table.\nThese are 25, 26, 465 and 587 for sending, 110, 143, 993 and 995 for reading.\n\n(fn SERVER)" t)
(autoload 'mew-submit-doctor "mew-submit-doctor" "Check whether the set-up of mew-submit is sound, and say what to correct.\nThe servers of all accounts are looked at, in the background, unless OFFLINE,\nthe prefix argument, is non-nil; nothing is sent to them but what leads to TLS.\nNo password is read, and nobody is asked anything.  The report can be copied\ninto a bug report: it has no names or addresses unless they are shown by\n`mew-submit-doctor-toggle-names'.\n\n(fn &optional OFFLINE)" t)
(autoload 'mew-submit-diagnose-domain "mew-submit-domain" "Find out how DOMAIN takes mail: its records, and each server they name.\nThese are MX and SRV records (RFC 6186, RFC 8314), TLSA and MTA-STS.  Each\nserver is looked at: does it answer from here, is there TLS, is the certificate\ngood, does it keep what a prefix of its name promises.  Nothing is delivered.\nWhat a client that was set up from these records would do is told, too.\n\n(fn DOMAIN)" t)
(autoload 'mew-submit-mew-mode "mew-submit-mew" "Have Mew send its queue by mew-submit.\nServer, port, TLS and user are those of the mail's case, unless an account of\n`mew-submit-accounts' has the case's name.  Mail goes through the outbox; Mew's\nFcc: folders get their copy when it is delivered, and Mew's log its line.\n\n(fn &optional ARG)" t)
(custom-autoload 'mew-submit-mew-mode "mew-submit-mew")
(autoload 'mew-submit-build-module "mew-submit-module" "Compile the C module with GNU make, after asking.\nEmacs stays usable meanwhile; mail that waits for it is sent when it is built.\n\n(fn)" t)
(autoload 'mew-submit-forget-network "mew-submit-network-negative" "Forget which ports this network blocks, and whether to fall back here.\nThe next mail tries the preferred port first again, and the question whether to\nfall back is asked again.  With a prefix argument, forget ALL networks, and the\nfar sides of tunnels too.\n\n(fn &optional ALL)" t)
(autoload 'mew-submit-notice--update-soon "mew-submit-notice" "Bring the mode line up to date soon, at most five times a second.\n\n(fn &rest _)" nil)
(autoload 'mew-submit-notice--questions "mew-submit-notice" "Show the questions that have come, and no longer those that are gone.\nThis is on `mew-submit-question--hook'.\n\n(fn)" nil)
(autoload 'mew-submit-answer "mew-submit-notice" "Go to the questions about mail that wait for an answer.\nEach has a button for each answer: TAB goes to the next one, RET presses it.\n\n(fn)" t)
(autoload 'mew-submit-notice--done "mew-submit-notice" "Tell the user how an attempt for ENTRY has ended, with DONE.\nIn batch mode a command that wants to know it tells it itself.\n\n(fn ENTRY DONE)" nil)
(autoload 'mew-submit-notice--watch-leaving "mew-submit-notice" "Have Emacs ask before it ends while mail is being sent or waits, only then.\n\n(fn)" nil)
(autoload 'mew-submit-outbox "mew-submit-outbox" "Show the messages that are not delivered yet, and what is true of each.\n\n(fn)" t)
(autoload 'mew-submit-edit "mew-submit-outbox" "Take the message ID out of the outbox DIRECTORY and edit it again.\nIt is kept in the directory \"edited\" there until the mail is sent.  When the\nbuffer is killed before that, or Emacs ends, it is in the outbox again.\n\n(fn ID &optional DIRECTORY)" nil)
(autoload 'mew-submit-undo-send "mew-submit-outbox" "Bring back the mail that was sent last from this Emacs, if it has not left yet.\nWith `mew-submit-delay' there is time for that.  When it has left, another one\nthat waits in the outbox can be chosen.\n\n(fn)" t)
(autoload 'mew-submit-pin-certificate "mew-submit-pin" "Look at the certificate of a server and have it accepted from then on.\nNAME is that of an account, or of a server.  What the certificate says is\nshown, and which check it has failed; if the answer is yes the certificate is\ngood for this account, server and port, and kept in `mew-submit-pins'.\nNothing is sent to the server, and no user name.\n\n(fn NAME)" t)
(autoload 'mew-submit-unpin-certificate "mew-submit-pin" "Have the certificate of PIN accepted no longer.\nPIN is an element of `mew-submit-pins'.\n\n(fn PIN)" t)
(autoload 'mew-submit-queue--clock-went-back "mew-submit-queue" "Send at once what waits: nobody knows for how long it has.\n\n(fn)" nil)
(autoload 'mew-submit-queue--module-is-there "mew-submit-queue" "Send what has waited for the module.  This is on `mew-submit-module--hook'.\n\n(fn)" nil)
(autoload 'mew-submit-relay-mode "mew-submit-relay" "Let the other programs of this machine send mail through Emacs.\nWhile this is on, Emacs is an SMTP server on `mew-submit-relay-port' (2587) of\nthis machine, for processes of the same user.  What comes is put into the outbox\nand sent as any other mail.\n\n(fn &optional ARG)" t)
(custom-autoload 'mew-submit-relay-mode "mew-submit-relay")
(autoload 'mew-submit-setup "mew-submit-setup" "Find the server that takes mail from ADDRESS and make it an account.\nThe domain's SRV records are asked, then the web as Thunderbird does it, and\nat last names are guessed from the MX records.  Each server found is looked\nat; the buffer shows what it says, and stores it in `mew-submit-accounts' and\nits password by auth-source when you say so.\n\n(fn ADDRESS)" t)
(autoload 'mew-submit-survey-report "mew-submit-survey-mail" "Compose a mail with TEST, a survey, for whoever collects them.\nIt has no names and no addresses of servers, users or this machine.  Nothing is\nsent before you do.  Interactively, TEST is the survey of this buffer, or else\none in a file.\n\n(fn TEST)" t)
(autoload 'mew-submit-survey-collect "mew-submit-survey-mail" "Add up the surveys in the mails of FILE, and show the sum.\nFILE is a mail, an mbox file, or a directory of mails such as a Maildir or an MH\nfolder.  A survey that was sent twice counts once.\n\n(fn FILE)" t)
(autoload 'mew-submit-providers "mew-submit-survey-provider" "Show which servers of the survey in FILE offer submission as it should be.\nThat is RFC 6409 and RFC 8314: port 587 with STARTTLS and AUTH after it, or port\n465 with AUTH, and no AUTH before TLS.\n\n(fn FILE)" t)
(autoload 'mew-submit-survey "mew-submit-survey" "Find out which case each server in SOURCE is, at each port and by each family.\nSOURCE is a buffer or a file with a list: a line HOST [USER [PORTS]] for each\nserver, an Org table, or CSV; in a buffer it is the region, or the table that\npoint is in.  Or it is the file of a survey that was stopped, in\n`mew-submit-survey-directory', to be resumed.  `mew-submit-survey-limit' servers\nare looked at at once, in the background.  No mail is sent to them, and no\npassword.  Interactively, with a prefix argument, ask for a file.\n\n(fn SOURCE)" t)

(defconst mew-submit-module--interface "1140233619"
  "The number of the interface that the module has to have.")

(provide 'mew-submit-loaddefs)

;; Local Variables:
;; no-byte-compile: t
;; no-native-compile: t
;; no-update-autoloads: t
;; End:
;;; mew-submit-loaddefs.el ends here
