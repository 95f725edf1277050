;;; mew-submit-dns.el --- Ask a DNS server without waiting -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the questions that go to a DNS server by themselves, MX and SRV
;; and what else is published about mail; servers' addresses are looked up by the
;; module.  dns.el knows what a packet looks like and which servers there are.  Its
;; own transport is not used: it asks one server once, takes an answer to any
;; question from anybody, cannot ask again over TCP, and signals errors in a filter,
;; which freezes Emacs 28.
;;
;; A query ends in any case: it asks each server twice at most.

;;; Code:

(require 'cl-lib)
(require 'dns)
(require 'mew-submit-address)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'seq)

(defcustom mew-submit-dns-timeout 3
  "Seconds to wait for the answer of one DNS server.
The default is 3.  Each of `dns-servers' is asked twice at most."
  :type 'number
  :group 'mew-submit-diagnosis
  :package-version '(mew-submit . "0.1.0"))

(defconst mew-submit-dns--servers-max 3
  "How many servers are asked at most, as in resolver(5).")

(defconst mew-submit-dns--types
  '((TLSA 52))
  "The types of records that dns.el does not know.")

(cl-defstruct (mew-submit-dns-query (:constructor mew-submit-dns--make)
                                    (:copier nil))
  (name nil :documentation "The name that is asked for.")
  (type nil :documentation "The type, a symbol.")
  (port nil :documentation "The servers' port.")
  (callback nil :documentation "Function of the answer.")
  (id nil :documentation "The number of the packet that was sent last.")
  (servers nil :documentation "The servers still to be asked.")
  (server nil :documentation "The one that is asked now.")
  (process nil :documentation "The socket.")
  (address nil :documentation "Over UDP, who is asked, and the only one to answer.")
  (octets "" :documentation "What has come over TCP so far.")
  (tcp nil :documentation "Non-nil while asking over TCP.")
  (timer nil :documentation "Ends the waiting.")
  (late nil :documentation "Why nothing that came from it counts.")
  (why nil :documentation "Why the last server gave no answer.")
  (ended nil :documentation "Non-nil when CALLBACK was called."))

(defvar mew-submit-dns--file "/etc/resolv.conf"
  "The file that names the DNS servers of this machine.")

(defun mew-submit-dns--configured ()
  "Return the DNS servers that `mew-submit-dns--file' names, as resolver(5) has it.
What is no address is left out: a name would be looked up, and waited for.
Without any it is the one on this machine; without the file there is none."
  (when (and (file-regular-p mew-submit-dns--file)
             (file-readable-p mew-submit-dns--file))
    (with-temp-buffer
      (insert-file-contents-literally mew-submit-dns--file)
      (let (servers)
        (while (re-search-forward "^nameserver[ \t]+\\([^ \t\r\n]+\\)" nil t)
          (let ((address (match-string 1)))
            (when (mew-submit-address--numeric-p address)
              ;; As in the C library, no address is this machine, which answers from another.
              (push (pcase address ("0.0.0.0" "127.0.0.1") ("::" "::1") (_ address))
                    servers))))
        (or (nreverse servers) (list "127.0.0.1"))))))

(defun mew-submit-dns--servers ()
  "Return the DNS servers of this machine, addresses as strings.
They are those of /etc/resolv.conf as it is now; or those of `dns-servers',
where there is no such file, or `dns-servers-valid-for-interfaces' is t.
What dns.el does to find them waits for nslookup, and is not done again while
this machine keeps its addresses."
  (let ((configured (mew-submit-dns--configured)))
    (seq-take (if (or (null configured) (eq dns-servers-valid-for-interfaces t))
                  (or dns-servers configured)
                configured)
              mew-submit-dns--servers-max)))

;;; Packets

(defun mew-submit-dns--packet (query)
  "Return the packet for QUERY, with a new number."
  (setf (mew-submit-dns-query-id query) (random 65536))
  (let* ((dns-query-types (append mew-submit-dns--types dns-query-types))
         (packet (dns-write
                  `((id ,(mew-submit-dns-query-id query))
                    (opcode query)
                    (queries ((,(mew-submit-dns-query-name query)
                               (type ,(mew-submit-dns-query-type query)))))
                    (recursion-desired-p t)))))
    ;; AD: tell us whether it was validated (RFC 6840, section 5.7).
    (aset packet 3 (logior #x20 (aref packet 3)))
    (if (mew-submit-dns-query-tcp query)
        (concat (unibyte-string (ash (length packet) -8)
                                (logand (length packet) #xFF))
                packet)
      packet)))

(defun mew-submit-dns--integer (octets from count)
  "Return the number that COUNT OCTETS from FROM on spell."
  (cl-reduce (lambda (value octet) (+ (* 256 value) octet))
             (substring octets from (+ from count)) :initial-value 0))

(defun mew-submit-dns--strings (octets)
  "Return the text in OCTETS, the data of a TXT record: strings put together."
  (let ((from 0)
        (parts nil))
    (while (< from (length octets))
      (let ((end (min (length octets) (+ 1 from (aref octets from)))))
        (push (substring octets (1+ from) end) parts)
        (setq from end)))
    (decode-coding-string (apply #'concat (nreverse parts)) 'utf-8)))

(defun mew-submit-dns--tlsa (octets)
  "Return what OCTETS, the data of a TLSA record, say, as a plist."
  (list :usage (aref octets 0) :selector (aref octets 1)
        :matching (aref octets 2)
        :data (mapconcat (lambda (octet) (format "%02x" octet))
                         (substring octets 3) "")))

(defun mew-submit-dns--host (name)
  "Return the host NAME of a record, safe to show, or nil for the root."
  (and (not (member name '(nil "")))
       (mew-submit-error--clean (decode-coding-string name 'utf-8))))

(defun mew-submit-dns--value (type data)
  "Return DATA of a record of TYPE in the form that callers get."
  (pcase type
    ('MX (list :preference (car data) :host (mew-submit-dns--host (cdr data))))
    ('SRV (list :priority (dns-get 'priority data) :weight (dns-get 'weight data)
                :port (dns-get 'port data)
                :target (mew-submit-dns--host (dns-get 'target data))))
    ('TXT (mew-submit-error--clean (mew-submit-dns--strings data)))
    ('TLSA (mew-submit-dns--tlsa data))
    ((or 'CNAME 'NS 'PTR) (mew-submit-dns--host data))
    (_ data)))

(defconst mew-submit-dns--answers-max 100
  "How many records an answer may have: each may take dns.el many steps to read.")

(defun mew-submit-dns--read (octets)
  "Return OCTETS, a packet, as dns.el has read them, with its answers alone.
Signal an error where there are too many."
  (when (or (> (mew-submit-dns--integer octets 4 2) 1)
            (> (mew-submit-dns--integer octets 6 2) mew-submit-dns--answers-max))
    (error "Too many records"))
  (let ((dns-query-types (append mew-submit-dns--types dns-query-types)))
    (dns-read (concat (substring octets 0 8) "\0\0\0\0" (substring octets 12)))))

(defun mew-submit-dns--records (packet type)
  "Return the values of the answers of TYPE in PACKET."
  (delq nil
        (mapcar (lambda (answer)
                  (and (eq type (dns-get 'type answer))
                       (mew-submit-dns--value type (dns-get 'data answer))))
                (reverse (dns-get 'answers packet)))))

(defun mew-submit-dns--ours-p (query packet)
  "Is PACKET the answer to what QUERY has asked?"
  (let ((question (car (dns-get 'queries packet))))
    (and (eql (dns-get 'id packet) (mew-submit-dns-query-id query))
         (dns-get 'response-p packet)
         (or (null question)
             (and (string-equal
                   (mew-submit-caseless--down (car question))
                   (mew-submit-caseless--down (mew-submit-dns-query-name query)))
                  (eq (dns-get 'type question)
                      (mew-submit-dns-query-type query)))))))

;;; One server after the other

(defun mew-submit-dns--close (query)
  "Close the socket of QUERY and stop its timer."
  (when-let* ((process (mew-submit-dns-query-process query)))
    (setf (mew-submit-dns-query-process query) nil)
    (mew-submit-background--drop process))
  (when-let* ((timer (mew-submit-dns-query-timer query)))
    (setf (mew-submit-dns-query-timer query) nil)
    (cancel-timer timer)))

(defun mew-submit-dns--end (query status answers authentic)
  "End QUERY with STATUS, ANSWERS and AUTHENTIC: call its function soon."
  (mew-submit-dns--close query)
  (unless (mew-submit-dns-query-ended query)
    (setf (mew-submit-dns-query-ended query) t)
    (run-at-time 0 nil (mew-submit-dns-query-callback query)
                 (list :name (mew-submit-dns-query-name query)
                       :type (mew-submit-dns-query-type query)
                       :status status :answers answers :authentic authentic
                       :server (mew-submit-dns-query-server query)
                       :why (and (eq status 'failed)
                                 (mew-submit-dns-query-why query))))))

(defun mew-submit-dns--failed (query why)
  "Note WHY a server gave QUERY no answer, and ask the next one."
  (setf (mew-submit-dns-query-why query) why)
  (mew-submit-dns--close query)
  (mew-submit-dns--next query))

(defun mew-submit-dns--judge (query octets)
  "Take OCTETS, a packet, for the answer to QUERY, if it is one."
  (let ((packet (mew-submit-dns--read octets)))
    (when (mew-submit-dns--ours-p query packet)
      (let ((answers (mew-submit-dns--records
                      packet (mew-submit-dns-query-type query)))
            (authentic (/= 0 (logand #x20 (aref octets 3)))))
        (cond
         ;; TC; dns.el looks at AA instead.
         ((and (/= 0 (logand 2 (aref octets 2)))
               (not (mew-submit-dns-query-tcp query)))
          (mew-submit-dns--ask-by-tcp query))
         (t (pcase (dns-get 'response-code packet)
              ('no-error (mew-submit-dns--end query (if answers 'ok 'none)
                                              answers authentic))
              ('name-error (mew-submit-dns--end query 'no-name nil authentic))
              (code (mew-submit-dns--failed
                     query (format "the DNS server said %s"
                                   (or code "something unknown")))))))))))

(defconst mew-submit-dns--nonsense "the DNS server's answer makes no sense"
  "What to tell of an answer that cannot be read.")

(defun mew-submit-dns--filter (query process octets)
  "Take OCTETS, which came from PROCESS, for QUERY."
  (condition-case nil
      (when (eq process (mew-submit-dns-query-process query))
        (if (not (mew-submit-dns-query-tcp query))
            ;; After reading it is the address of who has sent that.
            (when (equal (process-datagram-address process)
                         (mew-submit-dns-query-address query))
              (mew-submit-dns--judge query octets))
          (let ((all (concat (mew-submit-dns-query-octets query) octets)))
            (setf (mew-submit-dns-query-octets query) all)
            (when (and (>= (length all) 2)
                       (>= (length all)
                           (+ 2 (mew-submit-dns--integer all 0 2))))
              (mew-submit-dns--judge query (substring all 2))))))
    ;; Over UDP anybody can send what makes no sense: the answer may still come.
    (error (if (mew-submit-dns-query-tcp query)
               (mew-submit-dns--failed query mew-submit-dns--nonsense)
             (setf (mew-submit-dns-query-late query) mew-submit-dns--nonsense)))))

(defun mew-submit-dns--sentinel (query process change)
  "Have QUERY go on after CHANGE of PROCESS."
  (condition-case nil
      (when (eq process (mew-submit-dns-query-process query))
        (if (string-prefix-p "open" change)
            (process-send-string process (mew-submit-dns--packet query))
          (mew-submit-dns--failed query "the DNS server cannot be reached")))
    (error (mew-submit-dns--failed query "the DNS server cannot be reached"))))

(defun mew-submit-dns--late (query)
  "Have QUERY ask the next server, now that time is up.
When Emacs was busy for that long, the answer may be here: timers run first."
  (let ((process (mew-submit-dns-query-process query)))
    ;; Whether one that still connects has been refused is not seen in this way, and waited for.
    (unless (eq (process-status process) 'connect)
      (accept-process-output process 0 nil 0))
    (when (eq process (mew-submit-dns-query-process query))
      (mew-submit-dns--failed query (or (mew-submit-dns-query-late query)
                                        "no DNS server answers")))))

(defun mew-submit-dns--connect (query)
  "Return a new socket for QUERY to its server."
  (apply #'make-network-process
         :name "mew-submit-dns" :buffer nil :noquery t :coding 'binary
         :host (mew-submit-dns-query-server query)
         :service (mew-submit-dns-query-port query)
         :filter (lambda (process octets)
                   (mew-submit-dns--filter query process octets))
         :sentinel (lambda (process change)
                     (mew-submit-dns--sentinel query process change))
         (if (mew-submit-dns-query-tcp query)
             '(:nowait t)
           '(:type datagram))))

(defun mew-submit-dns--ask-server (query)
  "Ask QUERY's server."
  (setf (mew-submit-dns-query-octets query) ""
        (mew-submit-dns-query-late query) nil)
  (condition-case nil
      (let ((process (mew-submit-dns--connect query)))
        (setf (mew-submit-dns-query-process query) process
              (mew-submit-dns-query-timer query)
              (run-at-time mew-submit-dns-timeout nil
                           #'mew-submit-dns--late query))
        (unless (mew-submit-dns-query-tcp query)
          (setf (mew-submit-dns-query-address query) (process-datagram-address process))
          (process-send-string process (mew-submit-dns--packet query))))
    (error (mew-submit-dns--failed query "the DNS server cannot be reached"))))

(defun mew-submit-dns--ask-by-tcp (query)
  "Ask QUERY's server once more: its answer did not fit into a packet."
  (mew-submit-dns--close query)
  (setf (mew-submit-dns-query-tcp query) t)
  (mew-submit-dns--ask-server query))

(defun mew-submit-dns--next (query)
  "Ask the next server of QUERY, or end it."
  (let ((server (pop (mew-submit-dns-query-servers query))))
    (cond (server
           (setf (mew-submit-dns-query-server query) server
                 (mew-submit-dns-query-tcp query)
                 (not (featurep 'make-network-process '(:type datagram))))
           (mew-submit-dns--ask-server query))
          (t (mew-submit-dns--end query 'failed nil nil)))))

;;; What the floors above call

(defvar mew-submit-dns--port 53
  "The port that DNS servers are asked at.")

(defun mew-submit-dns--ask (name type callback)
  "Ask for the records of TYPE, a symbol such as `MX', that NAME has.
CALLBACK is called once, later, with a plist: :status is `ok', `none' (the name
has no such record), `no-name' (there is no such name) or `failed', with the
reason in :why; :answers are the records; :authentic is non-nil when the server
says that it has validated them (DNSSEC).  A record is a plist:
  MX    :preference :host
  SRV   :priority :weight :port :target (nil: not offered)
  TLSA  :usage :selector :matching :data, in hexadecimal
or a string, for TXT, A, AAAA, CNAME, NS and PTR.
Return a query for `mew-submit-dns--cancel'."
  (let* ((servers (mew-submit-dns--servers))
         (query (mew-submit-dns--make
                 :name name :type type :callback callback
                 :port mew-submit-dns--port
                 :servers (append servers servers)
                 :why "no DNS server is known: set dns-servers")))
    (mew-submit-dns--next query)
    query))

(defun mew-submit-dns--cancel (query)
  "End QUERY without calling its function."
  (setf (mew-submit-dns-query-ended query) t)
  (mew-submit-dns--close query))

(provide 'mew-submit-dns)
;;; mew-submit-dns.el ends here
