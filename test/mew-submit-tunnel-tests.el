;;; mew-submit-tunnel-tests.el --- Tests for tunnels and source addresses -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Through a real sshd on loopback (`ssh -W', and as a proxy `ssh -D'), through a SOCKS5
;; proxy of this file that says what it is told to, through a Unix socket.
;;
;; The module runs ssh as Emacs finds it, and ssh reads the configuration of the user
;; who runs it, whatever HOME says.  So a script called ssh, first in the PATH of a
;; batch Emacs, names the test's own.

;;; Code:

(require 'auth-source)
(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-test-helpers)
(require 'mew-submit-finding)
(require 'mew-submit-probe)
(require 'mew-submit-way)

(defconst mew-submit-tunnel-tests--message "From: me@x\nTo: a@x\n\nbody\n"
  "A message.")

;;; What an account says

(ert-deftest mew-submit-tunnel-tests-parse ()
  "Tunnels are read, and what could be something else is refused."
  (pcase-dolist
      (`(,text . ,expected)
       '((nil)
         ("ssh:gate.example.org" :tunnel ssh :tunnel-place "gate.example.org")
         ("ssh:me@[2001:db8::1]" :tunnel ssh :tunnel-place "me@[2001:db8::1]")
         ("ssh:ssh://me@gate:2222" :tunnel ssh :tunnel-place "ssh://me@gate:2222")
         ("socks5:127.0.0.1:9050" :tunnel socks5 :tunnel-place "127.0.0.1:9050")
         ("socks5:localhost:1" :tunnel socks5 :tunnel-place "localhost:1")
         ("socks5:[::1]:1080" :tunnel socks5 :tunnel-place "[::1]:1080")
         ("socks5:a@b@127.0.0.1:1080" :tunnel socks5 :tunnel-place "127.0.0.1:1080"
          :tunnel-user "a@b")
         ("unix:/run/x y" :tunnel unix :tunnel-place "/run/x y")))
    (ert-info ((format "%s" text))
              (should (equal (mew-submit-way--tunnel text) expected))))
  (let ((file-name-coding-system 'latin-1))
    (should (equal (mew-submit-way--tunnel "unix:/run/s\u00f6cket")
                   '(:tunnel unix :tunnel-place "/run/s\366cket"))))
  (dolist (text '("" "gate" "ssh:" "ssh:-oProxyCommand=id" "ssh:a b" "ssh:a\nb"
                  "ssh: x" "SSH:gate" "socks5:" "socks5:proxy.example.org:1080"
                  "socks5:127.0.0.1" "socks5:127.0.0.1:" "socks5:127.0.0.1:0"
                  "socks5:127.0.0.1:65536" "socks5:::1:1080" "socks5:@127.0.0.1:1"
                  "socks5:[127.0.0.x]:1" "socks5:127.0.0.1:1\n" "unix:" "http:x"))
    (ert-info (text)
              (should-error (mew-submit-way--tunnel text) :type 'mew-submit-config)))
  (should-error (mew-submit-way--tunnel "socks5:a\0b@127.0.0.1:1")
                :type 'mew-submit-error)
  (should (equal (mew-submit-way--source '("192.0.2.1" "2001:db8::1"))
                 '(:source-ipv4 "192.0.2.1" :source-ipv6 "2001:db8::1")))
  (should (equal (mew-submit-way--source "::1") '(:source-ipv6 "::1")))
  (dolist (source '("localhost" "" "1.2.3" ("192.0.2.1" "192.0.2.2") "::1\n"))
    (should-error (mew-submit-way--source source) :type 'mew-submit-config)))

;;; A proxy

(cl-defstruct (mew-submit-tunnel-tests-proxy
               (:constructor mew-submit-tunnel-tests--make-proxy))
  server sockets requests logins answers password)

(defun mew-submit-tunnel-tests--octets (&rest octets)
  "Return OCTETS as a string."
  (apply #'unibyte-string octets))

(defun mew-submit-tunnel-tests--join (one other)
  "Pass on to OTHER what ONE says, and the other way round."
  (dolist (pair (list (cons one other) (cons other one)))
    (set-process-filter (car pair)
                        (lambda (_process text)
                          (when (process-live-p (cdr pair))
                            (process-send-string (cdr pair) text))))
    (set-process-sentinel (car pair)
                          (lambda (process _change)
                            (unless (process-live-p process)
                              (delete-process (cdr pair)))))))

(defun mew-submit-tunnel-tests--dial (host port)
  "Return a connection to PORT of HOST, in octets."
  (make-network-process :name "far end" :host host :service port :noquery t
                        :coding 'binary :family 'ipv4))

(defun mew-submit-tunnel-tests--request (proxy client text)
  "Do what the request TEXT of CLIENT asks PROXY for."
  (let* ((end (- (length text) 2))
         (host (pcase (aref text 3)
                 (3 (substring text 5 end))
                 (1 (mapconcat #'number-to-string (substring text 4 end) "."))
                 (4 (mapconcat (lambda (octet) (format "%02x" octet))
                               (substring text 4 end) ""))))
         (port (+ (* 256 (aref text end)) (aref text (1+ end))))
         (answer (alist-get port (mew-submit-tunnel-tests-proxy-answers proxy) 0)))
    (push (list (aref text 1) (aref text 3) host port)
          (mew-submit-tunnel-tests-proxy-requests proxy))
    (when (numberp answer)
      (process-send-string
       client (mew-submit-tunnel-tests--octets 5 answer 0 1 127 0 0 1 0 0)))
    (when (consp answer)
      (process-send-string client (apply #'unibyte-string answer))
      (delete-process client))
    (when (eql answer 0)
      (let ((far (mew-submit-tunnel-tests--dial host port)))
        (push far (mew-submit-tunnel-tests-proxy-sockets proxy))
        (mew-submit-tunnel-tests--join client far)))))

(defun mew-submit-tunnel-tests--login (proxy client text)
  "Check the user and the password in TEXT, which CLIENT has sent to PROXY."
  (let* ((n (aref text 1))
         (user (substring text 2 (+ 2 n)))
         (password (substring text (+ 3 n)))
         (fine (equal password (mew-submit-tunnel-tests-proxy-password proxy))))
    (push user (mew-submit-tunnel-tests-proxy-logins proxy))
    (process-send-string client
                         (mew-submit-tunnel-tests--octets 1 (if fine 0 1)))
    fine))

(defun mew-submit-tunnel-tests--filter (proxy)
  "Return the filter for connections of clients of PROXY."
  (lambda (client text)
    (pcase (or (process-get client 'step) 'hello)
      ('hello
       (let ((login (mew-submit-tunnel-tests-proxy-password proxy)))
         (process-put client 'step (if login 'login 'request))
         (process-send-string client
                              (mew-submit-tunnel-tests--octets
                               5 (cond ((null login) 0)
                                       ((seq-contains-p (substring text 2) 2) 2)
                                       (t #xff))))))
      ('login
       (process-put client 'step
                    (if (mew-submit-tunnel-tests--login proxy client text)
                        'request 'end)))
      ('request
       (process-put client 'step 'end)
       (mew-submit-tunnel-tests--request proxy client text)))))

(defmacro mew-submit-tunnel-tests--with-proxy (proxy keys &rest body)
  "Run BODY with PROXY bound to a SOCKS5 proxy, made with KEYS."
  (declare (indent 2))
  `(let* ((,proxy (mew-submit-tunnel-tests--make-proxy ,@keys))
          (server (make-network-process
                   :name "proxy" :server t :host "127.0.0.1" :service t
                   :family 'ipv4 :noquery t :coding 'binary
                   :filter (mew-submit-tunnel-tests--filter ,proxy)
                   :log (lambda (_server client _message)
                          (push client
                                (mew-submit-tunnel-tests-proxy-sockets ,proxy))))))
     (setf (mew-submit-tunnel-tests-proxy-server ,proxy) server)
     (unwind-protect
         (progn ,@body)
       (mapc #'delete-process
             (cons server (mew-submit-tunnel-tests-proxy-sockets ,proxy))))))

(defun mew-submit-tunnel-tests--proxy-port (proxy)
  "Return the port of PROXY."
  (process-contact (mew-submit-tunnel-tests-proxy-server proxy) :service))

(defun mew-submit-tunnel-tests--run (peer names &rest keys)
  "Send a message to PEER's listeners NAMES, in this order, by an account with KEYS."
  (mew-submit-test-run
   (append keys
           (list :server "127.0.0.1" :ca-file (mew-submit-test-ca peer)
                 :routes (mapconcat
                          (lambda (name)
                            (format "%d:starttls" (mew-submit-test-port peer name)))
                          names ",")
                 :fallback 'always))
   mew-submit-tunnel-tests--message))

(defun mew-submit-tunnel-tests--cases (done)
  "Return the cases of the attempts in DONE."
  (mapcar (lambda (attempt) (plist-get attempt :case)) (plist-get done :attempts)))

(ert-deftest mew-submit-tunnel-tests-socks5 ()
  "The proxy gets the server's name, and the message goes through it, once per port."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-tunnel-tests--with-proxy proxy ()
      (let ((done (mew-submit-tunnel-tests--run
                   peer '("ok") :server "localhost" :tunnel
                   (format "socks5:localhost:%d"
                           (mew-submit-tunnel-tests--proxy-port proxy)))))
        (should (equal (plist-get done :result) "delivered"))
        (should (eq (plist-get (plist-get done :tls) :verified) t))
        (should-not (plist-get done :family))
        (should (equal (mew-submit-tunnel-tests--cases done) '(1)))
        ;; CONNECT, by name.
        (should (equal (mew-submit-tunnel-tests-proxy-requests proxy)
                       (list (list 1 3 "localhost"
                                   (mew-submit-test-port peer "ok")))))
        (should-not (string-match-p "(," (mew-submit-report--attempt
                                          (car (plist-get done :attempts)))))))))

(ert-deftest mew-submit-tunnel-tests-socks5-verdicts ()
  "A refused far end is case 2, a silent one case 5; then comes the next port."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=first" "127.0.0.1:0,name=ok")
    (let ((first (mew-submit-test-port peer "first")))
      (pcase-dolist (`(,answer ,case) '((5 2) (silence 5) (4 "3 or 4") (3 "3 or 4")
                                        (9 "local")
                                        ;; Some refuse in fewer octets, and leave.
                                        ((5 5) 2) ((5 4 0 1) "3 or 4") ((5) "greeting")))
        (ert-info ((format "%s" answer))
          (mew-submit-tunnel-tests--with-proxy proxy
              (:answers (list (cons first answer)))
            (let* ((keys (list :timeout (if (eq answer 'silence) 2 60) :tunnel
                               (format "socks5:127.0.0.1:%d"
                                       (mew-submit-tunnel-tests--proxy-port proxy))))
                   (done (apply #'mew-submit-tunnel-tests--run peer '("first" "ok")
                                keys)))
              (should (equal (plist-get done :result) "delivered"))
              (should (plist-get done :fallback))
              (should (equal (mew-submit-tunnel-tests--cases done) (list case 1)))
              (should-not (mew-submit-test-log peer "stall"))
              (let ((done (apply #'mew-submit-tunnel-tests--run peer '("first")
                                 keys)))
                (should (equal (plist-get done :kind) "connect"))
                (should (equal (plist-get done :exit) 75))))))))))

(ert-deftest mew-submit-tunnel-tests-socks5-addresses ()
  "An address goes to the proxy as one, and not as a name to be looked up."
  :tags '(:module)
  (mew-submit-tunnel-tests--with-proxy proxy (:answers '((587 . 5)))
    (pcase-dolist (`(,server ,type ,host)
                   '(("192.0.2.1" 1 "192.0.2.1")
                     ("2001:db8::1" 4 "20010db8000000000000000000000001")
                     ("fe80::1%lo" 3 "fe80::1%lo")
                     ("mail.example.org" 3 "mail.example.org")))
      (ert-info (server)
        (mew-submit-test-run
         (list :server server :routes "587:starttls" :tunnel
               (format "socks5:127.0.0.1:%d" (mew-submit-tunnel-tests--proxy-port proxy)))
         mew-submit-tunnel-tests--message)
        (should (equal (car (mew-submit-tunnel-tests-proxy-requests proxy))
                       (list 1 type host 587)))))))

(ert-deftest mew-submit-tunnel-tests-the-tunnel-itself-fails ()
  "Who is not there, or lets nobody in, is asked once, and told as what is wrong."
  :tags '(:module)
  (mew-submit-tunnel-tests--with-proxy proxy (:password "x")
    (pcase-dolist (`(,tunnel ,words)
                   `((,(format "socks5:127.0.0.1:%d" (mew-submit-tunnel-tests--proxy-port proxy))
                      "wants a log-in")
                     (,(format "socks5:127.0.0.1:%d" (mew-submit-tunnel-tests--free-port))
                      "cannot be reached (ECONNREFUSED)")
                     ("unix:/nonexistent/socket" "cannot be reached")))
      (ert-info (tunnel)
        (let ((done (mew-submit-test-run
                     (list :server "mail.example.org" :fallback 'always :tunnel tunnel)
                     mew-submit-tunnel-tests--message)))
          (should (equal (mew-submit-tunnel-tests--cases done) '("local")))
          (should (equal (list (plist-get done :kind) (plist-get done :about))
                         '("connect" "tunnel")))
          (dolist (said (list (plist-get done :text)
                              (mew-submit-report--reason done "mail.example.org")))
            (should (string-match-p (concat "through the tunnel.*" (regexp-quote words)) said)))
          (should (string-search ":tunnel" (mew-submit-report--advice done))))))))

(ert-deftest mew-submit-tunnel-tests-diagnosis ()
  "A diagnosis blames the tunnel for what it does, and repeats what its far end says."
  :tags '(:module)
  (mew-submit-tunnel-tests--with-proxy proxy (:answers '((587 . 2)))
    (pcase-dolist (`(,port ,id ,words)
                   `((,(mew-submit-tunnel-tests--free-port) "tunnel-failed"
                      "The tunnel does not lead to port 587 of mail\\.example\\.org: the SOCKS5 proxy \
.* cannot be reached (ECONNREFUSED)\\.\\'")
                     (,(mew-submit-tunnel-tests--proxy-port proxy) "tunnel-refused"
                      "The far end of the tunnel does not reach port 587 of mail\\.example\\.org: the SOCKS5 proxy .* does not allow this connection\\.\\'")))
      (let ((diagnosis (mew-submit-probe--start
                        (list :server "mail.example.org"
                              :tunnel (format "socks5:127.0.0.1:%d" port))
                        :ports '((587 starttls submission)))))
        (mew-submit-test-until ("the end of the diagnosis")
          (plist-get diagnosis :done))
        (let ((findings (mew-submit-finding--list diagnosis)))
          (should (equal (mapcar (lambda (finding) (plist-get finding :id)) findings)
                         (list id)))
          (should (string-match-p words (plist-get (car findings) :text))))))))

(ert-deftest mew-submit-tunnel-tests-socks5-wants-log-in ()
  "A proxy that nobody may use without a log-in says what is missing."
  :tags '(:module)
  (mew-submit-tunnel-tests--with-proxy proxy (:password "x")
    (let ((done (mew-submit-test-run
                 (list :server "mail.example.org" :routes "587:starttls" :tunnel
                       (format "socks5:127.0.0.1:%d" (mew-submit-tunnel-tests--proxy-port proxy)))
                 mew-submit-tunnel-tests--message)))
      (should (equal (plist-get done :kind) "connect"))
      (should (string-search "wants a log-in" (plist-get done :text))))))

(ert-deftest mew-submit-tunnel-tests-socks5-login ()
  "The password for a proxy comes from auth-source, and is in no event."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-tunnel-tests--with-proxy proxy (:password "pr0xy-s3cret")
      (let* ((port (mew-submit-tunnel-tests--proxy-port proxy))
             (authinfo (mew-submit-test--peer-file peer "authinfo"))
             (auth-sources (list authinfo))
             (send (lambda (password)
                     (mew-submit-test-write
                      authinfo (format "machine 127.0.0.1 port %d login u@x \
password %s\nmachine 127.0.0.1 port 587 login u@x password other\n" port password))
                     (auth-source-forget-all-cached)
                     (mew-submit-tunnel-tests--run
                      peer '("ok") :tunnel (format "socks5:u@x@127.0.0.1:%d" port)))))
        (should (equal (plist-get (funcall send "pr0xy-s3cret") :result)
                       "delivered"))
        (should (equal (mew-submit-tunnel-tests-proxy-logins proxy) '("u@x")))
        (let ((done (funcall send "wr0ng-s3cret")))
          (should (equal (plist-get done :kind) "connect"))
          (should (string-search "refused the user name or the password"
                                 (plist-get done :text)))
          (should-not (string-search "s3cret" (format "%S" done))))))))

(ert-deftest mew-submit-tunnel-tests-unix-socket ()
  "A Unix socket leads to the server; one that is not there is told of."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let* ((path (mew-submit-test--peer-file peer "socket"))
           (sockets nil)
           (port (mew-submit-test-port peer "ok"))
           (server (make-network-process
                    :name "socket" :server t :family 'local :service path
                    :noquery t :coding 'binary
                    :log (lambda (_server client _message)
                           (let ((far (mew-submit-tunnel-tests--dial "127.0.0.1"
                                                                     port)))
                             (setq sockets (append (list client far) sockets))
                             (mew-submit-tunnel-tests--join client far))))))
      (unwind-protect
          (progn
            (should (equal (plist-get (mew-submit-tunnel-tests--run
                                       peer '("ok") :tunnel (concat "unix:" path))
                                      :result)
                           "delivered"))
            (let ((done (mew-submit-tunnel-tests--run
                         peer '("ok") :tunnel (concat "unix:" path ".no"))))
              (should (equal (plist-get done :kind) "connect"))
              (should (string-search "socket.no" (plist-get done :text)))))
        (mapc #'delete-process (cons server sockets))))))

(ert-deftest mew-submit-tunnel-tests-source ()
  "Connections come from the address that was asked for, or not at all."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (should (equal (plist-get (mew-submit-tunnel-tests--run
                               peer '("ok") :source '("127.0.0.2" "::1"))
                              :result)
                   "delivered"))
    (should (= 0 (plist-get (mew-submit-test-batch
                             (list "--server" "127.0.0.1" "--ca-file"
                                   (mew-submit-test-ca peer) "--routes"
                                   (format "%d:starttls"
                                           (mew-submit-test-port peer "ok"))
                                   "--source" "127.0.0.3" "a@x")
                             :input mew-submit-tunnel-tests--message)
                            :status)))
    (let ((done (mew-submit-tunnel-tests--run peer '("ok") :source "192.0.2.77")))
      (should (equal (plist-get done :result) "deferred"))
      (should (equal (mew-submit-tunnel-tests--cases done) '("local"))))
    (should (equal (mapcar (lambda (line) (plist-get line :from))
                           (mew-submit-test-log peer "connect"))
                   '("127.0.0.2" "127.0.0.3")))))

;;; SSH

(defconst mew-submit-tunnel-tests--sshd
  (let ((exec-path (append exec-path '("/usr/sbin" "/usr/local/sbin" "/sbin"))))
    (executable-find "sshd"))
  "The program sshd, or nil where it is missing.")

(defun mew-submit-tunnel-tests--free-port ()
  "Return the number of a port that nobody listens on."
  (let ((server (make-network-process :name "free" :server t :host "127.0.0.1"
                                      :service t :family 'ipv4 :noquery t)))
    (prog1 (process-contact server :service)
      (delete-process server))))

(defun mew-submit-tunnel-tests--listens-p (port)
  "Does anybody listen on PORT?"
  (ignore-errors
    (delete-process (mew-submit-tunnel-tests--dial "127.0.0.1" port))
    t))

(defun mew-submit-tunnel-tests--configure (file port)
  "Write what sshd on PORT and ssh need; FILE returns a name in their directory."
  (dolist (name '("host" "user"))
    (should (zerop (call-process "ssh-keygen" nil nil nil "-q" "-t" "ed25519" "-N" ""
                                 "-f" (funcall file name)))))
  (copy-file (funcall file "user.pub") (funcall file "authorized"))
  (mew-submit-test-write
   (funcall file "sshd_config")
   (format "Port %d\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\n\
StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\n\
KbdInteractiveAuthentication no\nPermitRootLogin yes\nAllowTcpForwarding yes\n\
MaxStartups 100\n"
           port (funcall file "host") (funcall file "authorized")))
  (mew-submit-test-write
   (funcall file "ssh_config")
   (format "Host gate stranger shared far quiet slow\n  HostName 127.0.0.1\n  Port %d\n\
  User %s\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile /dev/null\n\
  StrictHostKeyChecking no\n  IdentitiesOnly yes\n  IdentityAgent none\n\
Host stranger\n  IdentityFile %s\n\
Host shared\n  ControlMaster auto\n  ControlPath %s-%%C\n  ControlPersist 20\n\
Host far\n  ProxyJump gate\n\
Host quiet\n  LogLevel QUIET\n\
Host slow\n  ProxyCommand sh -c 'sleep 6; exec %s -W %%h:%%p gate'\n\
Host nobody\n  HostName 127.0.0.1\n  Port 1\n\
Host * !stranger\n  IdentityFile %s\n"
           port (user-real-login-name) (funcall file "known")
           (funcall file "host") (funcall file "control") (funcall file "bin/ssh")
           (funcall file "user")))
  (make-directory (funcall file "bin"))
  (mew-submit-test-write (funcall file "bin/ssh")
                         (format "#!/bin/sh\nexec %s -F %s \"$@\"\n"
                                 (executable-find "ssh") (funcall file "ssh_config")))
  (set-file-modes (funcall file "bin/ssh") #o700))

(defun mew-submit-tunnel-tests--with-sshd (function)
  "Call FUNCTION with the name of a directory and `process-environment' for ssh.
There `bin/ssh' knows the hosts gate, which lets us in, stranger, which does not, and
nobody, which is not there; shared, far, quiet and slow are gate, for users who have
more in their configuration."
  (mew-submit-test-with-directory directory
    (let* ((file (lambda (name) (expand-file-name name directory)))
           (port (mew-submit-tunnel-tests--free-port))
           process)
      (mew-submit-tunnel-tests--configure file port)
      ;; What its service makes before it starts sshd.
      (when (zerop (user-uid))
        (make-directory "/run/sshd" t))
      (unwind-protect
          (progn
            (setq process
                  (make-process
                   :name "sshd" :noquery t :buffer nil :connection-type 'pipe
                   :command (list mew-submit-tunnel-tests--sshd "-D" "-e" "-f"
                                  (funcall file "sshd_config"))))
            (mew-submit-test-until ("sshd")
              (should (process-live-p process))
              (mew-submit-tunnel-tests--listens-p port))
            (let ((process-environment
                   (append (list (format "PATH=%s:%s" (funcall file "bin") (getenv "PATH"))
                                 (concat "TMPDIR=" directory))
                           process-environment)))
              (funcall function directory)))
        (when (process-live-p process)
          (delete-process process))))))

(defun mew-submit-tunnel-tests--batch (peer names &rest more)
  "Send a message to PEER's listeners NAMES by the batch command, with MORE options."
  (mew-submit-test-batch
   (append (list "--json" "--server" "localhost" "--ca-file"
                 (mew-submit-test-ca peer) "--routes"
                 (mapconcat (lambda (name)
                              (format "%d:starttls"
                                      (mew-submit-test-port peer name)))
                            names ",")
                 "--timeout" "4")
           more '("a@x"))
   :input mew-submit-tunnel-tests--message))

(ert-deftest mew-submit-tunnel-tests-ssh ()
  "Through ssh: delivered; refused is case 2, silence case 5, and then the next port."
  :tags '(:module)
  (unless mew-submit-tunnel-tests--sshd
    (ert-skip "sshd is missing (Debian: openssh-server)"))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok" "127.0.0.1:0,name=shut,refused"
                                   "127.0.0.1:0,name=mute,silent")
    (mew-submit-tunnel-tests--with-sshd
     (lambda (_directory)
       (pcase-dolist (`(,names ,cases . ,option)
                      '((("ok") (1) "--tunnel" "ssh:gate")
                        (("ok") (1) "--ssh=gate")
                        (("shut" "ok") (2 1) "--ssh" "gate")
                        (("mute" "ok") (5 1) "--ssh" "gate")))
         (ert-info ((format "%S %S" names option))
           (let* ((result (apply #'mew-submit-tunnel-tests--batch peer names option))
                  (done (mew-submit-test-done result)))
             (should (equal (list (plist-get done :text) (plist-get result :status))
                            '("" 0)))
             (should (equal (plist-get done :result) "delivered"))
             (should (equal (mew-submit-tunnel-tests--cases done) cases))
             (should-not (plist-get done :family))
             (should (eq (plist-get done :fallback) (if (cdr names) t :false)))
             (should (eq (plist-get (plist-get done :tls) :verified) t)))))))))

(ert-deftest mew-submit-tunnel-tests-ssh-as-emacs-would-run-it ()
  "The ssh is that of `exec-path', with the environment that `setenv' has made."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let ((process-environment (append '("TOKEN=new" "GONE" "TOKEN=old" "EMPTY=" "UML=\u00fc")
                                         process-environment))
            (exec-path (cons directory exec-path)))
        (mew-submit-test-write (expand-file-name "ssh" directory)
                               "#!/bin/sh\nenv >\"$0.env\"\necho no >&2\nexit 255\n")
        (set-file-modes (expand-file-name "ssh" directory) #o700)
        (setenv "GONE" nil)
        (setenv "ADDED" "one two")
        (should (equal (plist-get (mew-submit-tunnel-tests--run peer '("ok") :tunnel "ssh:x")
                                  :kind)
                       "connect"))
        (let ((lines (split-string (mew-submit-test-octets
                                    (expand-file-name "ssh.env" directory))
                                   "\n" t)))
          (dolist (line '("TOKEN=new" "EMPTY=" "UML=\303\274" "ADDED=one two"))
            (should (member line lines)))
          (should-not (seq-find (lambda (line) (string-match-p "^GONE\\|^TOKEN=old" line))
                                lines)))))))

;; When the jump host's answer and the end of ssh come together depends on the moment.
(ert-deftest mew-submit-tunnel-tests-reason-of-ssh ()
  "The reason that ssh gives is told, and not what it says as it ends."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let ((exec-path (cons directory exec-path)))
        (mew-submit-test-write
         (expand-file-name "ssh" directory)
         (concat "#!/bin/sh\nprintf 'debug1: channel_connect_stdio_fwd: x:1\\n"
                 "channel 0: open failed: connect failed: Connection refused\\n"
                 "stdio forwarding failed\\n' >\"$3\"\nexit 255\n"))
        (set-file-modes (expand-file-name "ssh" directory) #o700)
        (let ((done (mew-submit-tunnel-tests--run peer '("ok") :tunnel "ssh:x")))
          (should (equal (mew-submit-tunnel-tests--cases done) '(2)))
          (should (string-search "connect failed: Connection refused"
                                 (plist-get done :text))))))))

(ert-deftest mew-submit-tunnel-tests-ssh-as-users-have-it ()
  "Verdicts hold with a shared connection, behind another host, and without a log.
They hold as well where logging in takes longer than a port has.  \(SECURITY: M9)."
  :tags '(:module)
  (unless mew-submit-tunnel-tests--sshd
    (ert-skip "sshd is missing (Debian: openssh-server)"))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok" "127.0.0.1:0,name=shut,refused"
                                   "127.0.0.1:0,name=mute,silent")
    (mew-submit-tunnel-tests--with-sshd
     (lambda (directory)
       (pcase-dolist (`(,host ,names ,cases . ,option)
                      '(("shared" ("ok") (1)) ("shared" ("ok") (1))
                        ("shared" ("shut" "ok") (2 1)) ("shared" ("mute" "ok") (5 1))
                        ("far" ("ok") (1)) ("far" ("shut" "ok") (2 1))
                        ("far" ("mute" "ok") (5 1))
                        ("quiet" ("shut" "ok") (2 1))
                        ("slow" ("ok") (1) "--timeout" "4")
                        ("slow" ("mute" "ok") (5 1) "--timeout" "4")))
         (ert-info ((format "%S %S" host names))
           (let ((done (mew-submit-test-done
                        (apply #'mew-submit-tunnel-tests--batch peer names
                               "--ssh" host option))))
             (should (equal (list (plist-get done :result)
                                  (mew-submit-tunnel-tests--cases done))
                            (list "delivered" cases))))))
       (should-not (directory-files directory nil "\\`mew-submit-......\\'"))))))

(ert-deftest mew-submit-tunnel-tests-way-to-the-proxy ()
  "A proxy that says nothing is no verdict on the port behind it.  \(SECURITY: M9)."
  :tags '(:module)
  (let ((server (make-network-process :name "mute" :server t :host "127.0.0.1"
                                      :service t :family 'ipv4 :noquery t)))
    (unwind-protect
        (let ((done (mew-submit-test-run
                     (list :server "127.0.0.1" :routes "587:starttls" :timeout 1
                           :tunnel (format "socks5:127.0.0.1:%d"
                                           (process-contact server :service)))
                     mew-submit-tunnel-tests--message)))
          (should (equal (mew-submit-tunnel-tests--cases done) '("local")))
          (should (string-search "did not answer" (plist-get done :text))))
      (delete-process server))))

(defun mew-submit-tunnel-tests--ssh ()
  "Return the numbers of the processes called ssh that this Emacs has started."
  (seq-filter (lambda (pid)
                (let ((attributes (process-attributes pid)))
                  (and (eql (alist-get 'ppid attributes) (emacs-pid))
                       (equal (alist-get 'comm attributes) "ssh"))))
              (list-system-processes)))

(defun mew-submit-tunnel-tests--stuck (port directory)
  "Start a message through ssh to PORT, which never greets; DIRECTORY has bin/ssh.
Return its session and the number of ssh's process, once it is connected."
  (let* ((exec-path (cons (expand-file-name "bin" directory) exec-path))
         connected
         (session (mew-submit-parcel--submit
                   (mew-submit-test-write (expand-file-name "message" directory)
                                          mew-submit-tunnel-tests--message)
                   :account (list :server "127.0.0.1" :tunnel "ssh:gate"
                                  :routes (format "%d:starttls" port))
                   :on-event (lambda (event)
                               (when (eq (plist-get event :event) 'connected)
                                 (setq connected t))))))
    (mew-submit-test-until ("the connection" 120) connected)
    (cons session (mew-submit-tunnel-tests--ssh))))

(ert-deftest mew-submit-tunnel-tests-ssh-ends ()
  "An ssh ends with its job, and with Emacs, though the server never closes.
\(SECURITY: M10)."
  :tags '(:module)
  (unless mew-submit-tunnel-tests--sshd
    (ert-skip "sshd is missing (Debian: openssh-server)"))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=mute")
    ;; It accepts, and neither speaks nor closes.
    (signal-process (mew-submit-test-peer-process peer) 'STOP)
    (mew-submit-tunnel-tests--with-sshd
     (lambda (directory)
       (pcase-let* ((port (mew-submit-test-port peer "mute"))
                    (`(,session . ,started)
                     (mew-submit-tunnel-tests--stuck port directory)))
         (should (= (length started) 1))
         (mew-submit-job--cancel session)
         (mew-submit-job--wait session mew-submit-test-patience)
         (mew-submit-test-until ("ssh to end with its job")
           (not (mew-submit-tunnel-tests--ssh)))
         (let* ((result (mew-submit-test-emacs
                         (list "-L" (expand-file-name "lisp" mew-submit-test-root)
                               "-L" (expand-file-name "test" mew-submit-test-root)
                               "-L" mew-submit-test-root
                               "-l" "mew-submit-tunnel-tests" "--eval"
                               (format "(progn (prin1 (cdr (mew-submit-tunnel-tests--stuck \
%d %S))) (kill-emacs))" port directory))))
                (started (car (read (plist-get result :stdout)))))
           (should (natnump started))
           (mew-submit-test-until ("ssh to end with Emacs")
             (let ((comm (alist-get 'comm (process-attributes started))))
               (not (equal comm "ssh"))))))))))

(defun mew-submit-tunnel-tests--number (file)
  "Return the number in FILE, or nil while there is none."
  (and (file-exists-p file)
       (let ((number (string-to-number (mew-submit-test-octets file))))
         (and (> number 0) number))))

(ert-deftest mew-submit-tunnel-tests-ssh-is-ended ()
  "An ssh that is not needed any more is asked to end; one that does not is killed.
So is what it has started, whether it ends itself or not."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (pcase-dolist (`(,trap ,asked ,child)
                   '(("echo >\"$0.asked\"; exit" t "sleep 1000")
                     ("echo >\"$0.asked\"; exit" t "(trap '' TERM; exec sleep 1000)")
                     ("" nil "sleep 1000")))
      (mew-submit-test-with-directory directory
        (let* ((exec-path (cons directory exec-path))
               (script (expand-file-name "ssh" directory))
               session pids)
          (mew-submit-test-write
           script (format "#!/bin/sh\ntrap '%s' TERM\n%s &\n\
echo $! >\"$0.child\"\necho $$ >\"$0.pid\"\nwait\nwait\n" trap child))
          (set-file-modes script #o700)
          (setq session (mew-submit-parcel--submit
                         (mew-submit-test-write (expand-file-name "m" directory)
                                                mew-submit-tunnel-tests--message)
                         :account (mew-submit-test-account peer "ok" :tunnel "ssh:x"))
                pids (list (mew-submit-test-until ("ssh")
                             (mew-submit-tunnel-tests--number (concat script ".pid")))
                           (mew-submit-tunnel-tests--number (concat script ".child"))))
          (unwind-protect
              (progn
                (mew-submit-job--cancel session)
                (mew-submit-job--wait session mew-submit-test-patience)
                (mew-submit-test-until ("the end of ssh and of what it has started")
                  (and (null (process-attributes (car pids)))
                       ;; Not everybody's process 1 waits for what it inherits.
                       (member (alist-get 'state (process-attributes (cadr pids)))
                               '(nil "Z"))))
                (should (eq (file-exists-p (concat script ".asked")) asked)))
            (dolist (pid pids)
              (when (eql (alist-get 'pgrp (process-attributes pid)) (car pids))
                (signal-process pid 'SIGKILL)))))))))

(ert-deftest mew-submit-tunnel-tests-ssh-itself-fails ()
  "What is wrong with ssh is told in its words, and nothing is sent."
  :tags '(:module)
  (unless mew-submit-tunnel-tests--sshd
    (ert-skip "sshd is missing (Debian: openssh-server)"))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok" "127.0.0.1:0,name=other")
    (mew-submit-tunnel-tests--with-sshd
     (lambda (_directory)
       (pcase-dolist (`(,host ,words) '(("stranger" "Permission denied")
                                        ("nobody" "Connection refused")))
         (ert-info (host)
           (let* ((result (mew-submit-tunnel-tests--batch peer '("ok") "--ssh" host))
                  (done (mew-submit-test-done result)))
             (should (equal (plist-get result :status) 75))
             (should (equal (plist-get done :kind) "connect"))
             (should (string-search words (plist-get done :text)))
             (should (string-search host (plist-get done :text))))))
       ;; Each log-in that is refused counts at the jump host.
       (should (equal (mew-submit-tunnel-tests--cases
                       (mew-submit-test-done
                        (mew-submit-tunnel-tests--batch peer '("ok" "other") "--ssh" "stranger")))
                      '("local")))
       (should-not (mew-submit-test-log peer "connect"))))))

(ert-deftest mew-submit-tunnel-tests-ssh-as-a-proxy ()
  "Through `ssh -D', a real SOCKS5 proxy, with the next port where one is not open.
It closes its end instead of saying why, so that no more is known than that."
  :tags '(:module)
  (unless mew-submit-tunnel-tests--sshd
    (ert-skip "sshd is missing (Debian: openssh-server)"))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok" "127.0.0.1:0,name=shut,refused"
                                   "127.0.0.1:0,name=mute,silent")
    (mew-submit-tunnel-tests--with-sshd
     (lambda (directory)
       (let* ((port (mew-submit-tunnel-tests--free-port))
              (ssh (make-process
                    :name "ssh -D" :noquery t :buffer nil :connection-type 'pipe
                    :command (list (expand-file-name "bin/ssh" directory) "-N" "-D"
                                   (format "127.0.0.1:%d" port) "gate"))))
         (unwind-protect
             (progn
               (mew-submit-test-until ("the proxy")
                 (mew-submit-tunnel-tests--listens-p port))
               (pcase-dolist (`(,names ,cases) '((("ok") (1))
                                                 (("shut" "ok") ("greeting" 1))
                                                 (("mute" "ok") (5 1))))
                 (let ((done (mew-submit-test-done
                              (mew-submit-tunnel-tests--batch
                               peer names "--tunnel"
                               (format "socks5:127.0.0.1:%d" port)))))
                   (should (equal (plist-get done :result) "delivered"))
                   (should (equal (mew-submit-tunnel-tests--cases done) cases)))))
           (delete-process ssh)))))))

(provide 'mew-submit-tunnel-tests)
;;; mew-submit-tunnel-tests.el ends here
