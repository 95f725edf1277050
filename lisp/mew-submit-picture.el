;;; mew-submit-picture.el --- A waterfall of what the network and the server did -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure but for the colours, which are those of faces.  It owns the way from
;; the events of a diagnosis, or of a message that was sent, to a picture: one row for
;; each address and port, phases side by side over time.  There are two, an SVG and a
;; chart of characters for terminals.  A phase has a letter, a pattern and a colour, so
;; that no colour has to be told from another one.
;;
;; An event needs :at, the milliseconds since the beginning.  Each ends the phase that
;; began with the event before it in the same row.

;;; Code:

(require 'cl-lib)
(require 'dom)
(require 'mew-submit-course)
(require 'mew-submit-error)
(require 'mew-submit-report)
(require 'mule-util)
(require 'seq)
(require 'svg)

(defgroup mew-submit-faces nil
  "Colours of the pictures of mew-submit."
  :group 'mew-submit
  :prefix "mew-submit-")

(defmacro mew-submit-picture--define-face (phase light dark what)
  "Define the face of PHASE, a symbol: LIGHT and DARK are its colours, for WHAT."
  (declare (indent 0))
  `(defface ,(intern (format "mew-submit-picture-%s" phase))
     '((((background dark)) :background ,dark :foreground "black")
       (t :background ,light :foreground "black"))
     ,(format "Face for %s in a picture." what)
     :group 'mew-submit-faces))

;; The palette of Okabe and Ito, which all kinds of colour vision can tell apart.
(mew-submit-picture--define-face lookup "#bbbbbb" "#999999" "looking a name up")
(mew-submit-picture--define-face syn "#56b4e9" "#56b4e9" "connecting")
(mew-submit-picture--define-face held "#f0e442" "#f0e442"
  "a connection that is held")
(mew-submit-picture--define-face greeting "#e69f00" "#e69f00"
  "waiting for the greeting")
(mew-submit-picture--define-face tls "#3dbd92" "#3dbd92" "the TLS handshake")
(mew-submit-picture--define-face ehlo "#cc79a7" "#cc79a7" "EHLO")
(mew-submit-picture--define-face talk "#dddddd" "#c0c0c0"
  "the rest of the conversation")
(mew-submit-picture--define-face failed "#ff8a5c" "#e8743b"
  "an attempt that led nowhere")

(defconst mew-submit-picture--phases
  '((lookup ?L "look-up" nil)
    (syn ?S "SYN" rising)
    (held ?H "held" dots)
    (greeting ?G "greeting" falling)
    (tls ?T "TLS" cross)
    (ehlo ?E "EHLO" level)
    (talk ?. "talk" nil)
    (failed ?x "no way" upright))
  "The phases of a row: (PHASE LETTER WORD PATTERN).")

(defun mew-submit-picture--letter (phase)
  "Return the letter of PHASE."
  (nth 1 (assq phase mew-submit-picture--phases)))

(defun mew-submit-picture--face (phase)
  "Return the face of PHASE."
  (intern (format "mew-submit-picture-%s" phase)))

;;; From a course, or a diagnosis, to rows

(cl-defstruct (mew-submit-picture-row (:constructor mew-submit-picture--make-row)
                                      (:copier nil))
  (id nil :documentation "The attempt's :id, or the family of a look-up.")
  (port nil :documentation "The port, nil for a look-up.")
  (family nil :documentation "\"ipv4\", \"ipv6\" or nil.")
  (address nil :documentation "The address, or nil.")
  (segments nil :documentation "The phases, the last first: (PHASE START END).")
  (last 0 :documentation "When the last event of the row was, in ms.")
  (verdict nil :documentation "The case, or nil.")
  (text "" :documentation "What the verdict is, in words."))

(defun mew-submit-picture--add (row phase until)
  "Add to ROW the PHASE from its last event UNTIL a time."
  (when (> until (mew-submit-picture-row-last row))
    (push (list phase (mew-submit-picture-row-last row) until)
          (mew-submit-picture-row-segments row)))
  (setf (mew-submit-picture-row-last row)
        (max until (mew-submit-picture-row-last row))))

(defun mew-submit-picture--lookup (event)
  "Return the row for the `resolved' EVENT."
  (let* ((addresses (plist-get event :addresses))
         (end (or (plist-get event :at) (plist-get event :ms) 0)))
    (mew-submit-picture--make-row
     :id (list 'lookup (plist-get event :family))
     :family (plist-get event :family) :last end
     ;; A name without an address of a family is no failure.
     :segments (list (list (if (or addresses
                                   (equal (plist-get event :why) "none"))
                               'lookup
                             'failed)
                           (max 0 (- end (or (plist-get event :ms) end))) end))
     :text (cond (addresses (format "%d found" (length addresses)))
                 ((equal (plist-get event :why) "none") "none")
                 (t (or (plist-get event :error) "failed"))))))

(defconst mew-submit-picture--times
  '((connected . syn) (failed . failed) (used . held) (greeting . greeting) (ehlo . ehlo)
    (tls . tls) (ehlo-tls . ehlo) (talk . talk) (ended . talk))
  "Which phase ended when an attempt notes a time: (WHAT . PHASE).")

(defconst mew-submit-picture--next
  '((connecting . syn) (connected . greeting) (greeting . ehlo) (ehlo . tls)
    (tls . ehlo) (ehlo-tls . talk))
  "Which phase lasts still when the last time is that of WHAT: (WHAT . PHASE).")

(defun mew-submit-picture--attempt (attempt now)
  "Return the row for ATTEMPT of a course; what lasts still lasts until NOW."
  (let* ((times (plist-get attempt :times))
         (row (mew-submit-picture--make-row
               :id (plist-get attempt :id) :port (plist-get attempt :port)
               :family (plist-get attempt :family)
               :address (plist-get attempt :address)
               :last (or (cdar times) 0)
               :verdict (plist-get attempt :case)
               :text (or (plist-get attempt :text) ""))))
    (pcase-dolist (`(,what . ,ms) (cdr times))
      (unless (and (eq what 'ended) (assq 'failed times))
        (mew-submit-picture--add
         row (or (cdr (assq what mew-submit-picture--times)) 'talk) ms)))
    (unless (eq (plist-get attempt :state) 'ended)
      (mew-submit-picture--add
       row (or (cdr (assq (caar (last times)) mew-submit-picture--next)) 'talk)
       now))
    row))

(defun mew-submit-picture--of-course (course)
  "Return the rows for COURSE, that of a job that has ended.
Look-ups come first, then attempts as they began."
  (append (mapcar #'mew-submit-picture--lookup (plist-get course :lookups))
          (mapcar (lambda (attempt) (mew-submit-picture--attempt attempt 0))
                  (plist-get course :attempts))))

(defun mew-submit-picture--rows (events)
  "Return the rows for EVENTS, those of a job that has ended, in order."
  (mew-submit-picture--of-course (mew-submit-course--of events)))

(defun mew-submit-picture--of-diagnosis (diagnosis attempts)
  "Return the rows for DIAGNOSIS: its look-ups, and ATTEMPTS in that order."
  (let ((now (if (plist-get diagnosis :done) 0
               (* 1000 (float-time (time-subtract
                                    nil (plist-get diagnosis :began)))))))
    (append (mapcar #'mew-submit-picture--lookup (plist-get diagnosis :lookups))
            (mapcar (lambda (attempt)
                      (mew-submit-picture--attempt attempt now))
                    attempts))))

;;; Time

(defun mew-submit-picture--end (rows)
  "Return when the last of ROWS ends, in ms, at least 1."
  (apply #'max 1 (mapcar #'mew-submit-picture-row-last rows)))

(defconst mew-submit-picture--linear-max 2000
  "Up to how many ms the axis of time is linear; then it is logarithmic.")

(defun mew-submit-picture--place (end)
  "Return a function from ms to a place from 0 to 1 on an axis until END."
  (if (<= end mew-submit-picture--linear-max)
      (lambda (ms) (/ (float ms) end))
    (lambda (ms) (/ (log (1+ (/ ms 20.0))) (log (1+ (/ end 20.0)))))))

(defun mew-submit-picture--ticks (end)
  "Return the times in ms that an axis until END names."
  (if (> end mew-submit-picture--linear-max)
      (seq-filter (lambda (ms) (<= ms end))
                  '(0 50 200 1000 3000 10000 30000 100000 300000))
    (let ((step (seq-find (lambda (step) (<= (/ end step) 6))
                          '(0.1 0.2 0.5 1 2 5 10 20 50 100 200 500))))
      (number-sequence 0 end step))))

(defun mew-submit-picture--time (ms)
  "Return MS as an axis names it."
  (cond ((zerop ms) "0")
        ((>= ms 1000) (format "%g s" (/ ms 1000.0)))
        (t (format "%g ms" ms))))

;;; Words

(defun mew-submit-picture--label (row)
  "Return what ROW is about: port, family and address, or a look-up."
  (if (mew-submit-picture-row-port row)
      (format "%s %s %s" (mew-submit-picture-row-port row)
              (pcase (mew-submit-picture-row-family row)
                ("ipv6" "v6") ("ipv4" "v4") (_ "--"))
              (or (mew-submit-picture-row-address row) ""))
    (format "look-up %s" (mew-submit-report--family
                          (mew-submit-picture-row-family row)))))

(defun mew-submit-picture--verdict (row)
  "Return what became of ROW, in a word or two."
  (let ((verdict (mew-submit-picture-row-verdict row)))
    (cond ((null (mew-submit-picture-row-port row))
           (mew-submit-error--clean (mew-submit-picture-row-text row)))
          ((null verdict) "")
          ((equal verdict 1) "case 1, open")
          ((equal verdict "local") "no way there")
          ((equal verdict "tls") "TLS failed")
          ((equal verdict "greeting") "no greeting")
          ((equal verdict "no-login") "no log-in")
          ((equal verdict 2) "case 2, RST")
          ((equal verdict 3) "case 3, hard")
          ((equal verdict 4) "case 4, soft")
          ((equal verdict 5) "case 5, silent")
          (t (format "case %s" verdict)))))

(defun mew-submit-picture--legend ()
  "Return what the letters mean, in a line."
  (mapconcat (lambda (entry)
               (concat (propertize (char-to-string (nth 1 entry))
                                   'face (mew-submit-picture--face (car entry)))
                       " " (nth 2 entry)))
             mew-submit-picture--phases "  "))

;;; Characters

(defun mew-submit-picture--bar (row place width)
  "Return ROW as WIDTH characters; PLACE is a function from ms to places.
A phase has one character at least; for that it moves those behind it on, and
leaves room for them."
  (let* ((segments (reverse (mew-submit-picture-row-segments row)))
         (left (length segments))
         (bar ""))
    (pcase-dolist (`(,phase ,start ,end) segments)
      (cl-decf left)
      (let* ((most (- width left 1))
             (from (min most (max (length bar)
                                  (floor (* width (funcall place start))))))
             (to (min (1+ most) (max (1+ from)
                                     (round (* width (funcall place end)))))))
        (setq bar (concat bar (make-string (max 0 (- from (length bar))) ?\s)
                          (propertize
                           (make-string (max 1 (- to (max from (length bar))))
                                        (mew-submit-picture--letter phase))
                           'face (mew-submit-picture--face phase))))))
    (concat bar (make-string (max 0 (- width (length bar))) ?\s))))

(defun mew-submit-picture--axis (place ticks width)
  "Return the line under a chart: TICKS at their PLACE in WIDTH characters."
  (let ((line (make-string (+ width 8) ?\s))
        (free 0))
    (dolist (ms ticks (string-trim-right line))
      (let ((from (floor (* (1- width) (funcall place ms))))
            (name (mew-submit-picture--time ms)))
        (when (and (>= from free) (<= (+ from (length name)) (length line)))
          (setq line (concat (substring line 0 from) name
                             (substring line (+ from (length name))))
                free (+ from (length name) 1)))))))

(defun mew-submit-picture--fit (text width)
  "Return TEXT in WIDTH columns; what is too long loses its middle."
  (if (<= (string-width text) width)
      (concat text (make-string (- width (string-width text)) ?\s))
    ;; Three dots where the terminal has none in one.
    (let* ((dots (truncate-string-ellipsis))
           (rest (- width (string-width dots)))
           (tail (/ rest 2)))
      (concat (substring text 0 (- rest tail)) dots
              (substring text (- (length text) tail))))))

(defun mew-submit-picture--text (rows width)
  "Return ROWS as a chart WIDTH columns wide: a list of (LINE . ROW).
The last element is the axis, whose ROW is nil."
  (let* ((labels (mapcar #'mew-submit-picture--label rows))
         (label-width (min 27 (apply #'max 8 (mapcar #'string-width labels))))
         (bar-width (max 10 (- width label-width 1 16)))
         (end (mew-submit-picture--end rows))
         (place (mew-submit-picture--place end)))
    (append
     (cl-mapcar
      (lambda (row label)
        (cons (concat (mew-submit-picture--fit label label-width) " "
                      (mew-submit-picture--bar row place bar-width) " "
                      (truncate-string-to-width (mew-submit-picture--verdict row)
                                                15))
              row))
      rows labels)
     (list (cons (concat (make-string (1+ label-width) ?\s)
                         (mew-submit-picture--axis
                          place (mew-submit-picture--ticks end) bar-width))
                 nil)))))

;;; SVG

(defun mew-submit-picture--color (face attribute fallback)
  "Return the colour ATTRIBUTE of FACE in hexadecimal, or FALLBACK."
  (let* ((name (face-attribute face attribute nil t))
         (values (and (stringp name) (color-values name))))
    (cond ((and (stringp name)
                (string-match-p "\\`#[[:xdigit:]]\\{6\\}\\'" name))
           ;; A terminal would give its nearest one.
           name)
          (values (apply #'format "#%02x%02x%02x"
                         (mapcar (lambda (value) (ash value -8)) values)))
          (t fallback))))

(defun mew-submit-picture--colors ()
  "Return the colours of the selected frame: (FOREGROUND BACKGROUND . PHASES).
PHASES is a list of (PHASE . COLOUR)."
  (cons (mew-submit-picture--color 'default :foreground "#000000")
        (cons (mew-submit-picture--color 'default :background "#ffffff")
              (mapcar (lambda (entry)
                        (cons (car entry)
                              (mew-submit-picture--color
                               (mew-submit-picture--face (car entry))
                               :background "#bbbbbb")))
                      mew-submit-picture--phases))))

(defconst mew-submit-picture--patterns
  '((rising "M0,8 L8,0") (falling "M0,0 L8,8") (cross "M0,8 L8,0 M0,0 L8,8")
    (level "M0,4 L8,4") (upright "M4,0 L4,8") (dots "M3,4 L5,4"))
  "What is drawn into a square of 8: (PATTERN PATH).")

(defun mew-submit-picture--definitions (colors)
  "Return the SVG node with a pattern for each phase, in COLORS."
  (apply
   #'dom-node 'defs nil
   (mapcar
    (lambda (entry)
      (pcase-let ((`(,phase ,_ ,_ ,pattern) entry))
        (apply #'dom-node 'pattern
               `((id . ,(format "phase-%s" phase)) (width . 8) (height . 8)
                 (patternUnits . "userSpaceOnUse"))
               (dom-node 'rect `((width . 8) (height . 8)
                                 (fill . ,(cdr (assq phase (cddr colors))))))
               (and pattern
                    (list (dom-node
                           'path
                           `((d . ,(cadr (assq pattern
                                               mew-submit-picture--patterns)))
                             (stroke . "#000000") (stroke-opacity . "0.45")
                             (stroke-width . 1))))))))
    mew-submit-picture--phases)))

(defconst mew-submit-picture--row-height 22
  "How high a row of the SVG is, in pixels.")

(defconst mew-submit-picture--label-width 250
  "How wide the labels of the SVG are, in pixels.")

(defconst mew-submit-picture--verdict-width 130
  "How wide the verdicts of the SVG are, in pixels.")

(defconst mew-submit-picture--top 30
  "How much room is above the rows of the SVG, in pixels.")

(defun mew-submit-picture--say (svg text x y color &rest more)
  "Write TEXT into SVG at X and Y in COLOR; MORE are further attributes."
  (apply #'svg-text svg text :x x :y y :fill color :font-size 13
         :font-family "sans-serif" more))

(defun mew-submit-picture--draw-segment (svg segment place left width y)
  "Draw SEGMENT of a row at Y into SVG; the axis has WIDTH from LEFT on.
PLACE is a function from ms to places."
  (pcase-let* ((`(,phase ,start ,end) segment)
               (x (+ left (* width (funcall place start))))
               (wide (max 2 (- (+ left (* width (funcall place end))) x))))
    (svg-rectangle svg x (+ y 3) wide (- mew-submit-picture--row-height 6)
                   :fill (format "url(#phase-%s)" phase)
                   :stroke "#000000" :stroke-width 0.5)
    (when (> wide 14)
      ;; The letter has to be read on any pattern.
      (svg-rectangle svg (+ x (/ wide 2) -6) (+ y 4) 12 14 :rx 3
                     :fill "#ffffff" :fill-opacity 0.8)
      (mew-submit-picture--say
       svg (char-to-string (mew-submit-picture--letter phase))
       (+ x (/ wide 2)) (+ y 16) "#000000" :text-anchor "middle"))))

(defun mew-submit-picture--draw-axis (svg rows place left width colors)
  "Draw the times of ROWS into SVG, in COLORS; see the function above.
PLACE, LEFT and WIDTH say where."
  (let ((end (mew-submit-picture--end rows))
        (bottom (+ mew-submit-picture--top
                   (* mew-submit-picture--row-height (length rows))))
        (free -1000))
    (dolist (ms (mew-submit-picture--ticks end))
      (let ((x (+ left (* width (funcall place ms)))))
        (svg-line svg x (- mew-submit-picture--top 4) x bottom
                  :stroke (car colors) :stroke-opacity 0.25)
        (when (> (- x free) 48)
          (setq free x)
          (mew-submit-picture--say
           svg (mew-submit-picture--time ms) x (- mew-submit-picture--top 10)
           (car colors) :text-anchor (if (zerop ms) "start" "middle")))))))

(defun mew-submit-picture--legend-places (width)
  "Return where in WIDTH pixels each phase has its place in the legend: (X . Y)s."
  (let ((x 8)
        (y 0))
    (mapcar (pcase-lambda (`(,_ ,_ ,word ,_))
              (let ((wide (+ 46 (* 8 (length word)))))
                (when (> (+ x wide) width)
                  (setq x 8)
                  (cl-incf y mew-submit-picture--row-height))
                (prog1 (cons x y)
                  (cl-incf x wide))))
            mew-submit-picture--phases)))

(defun mew-submit-picture--draw-legend (svg y places colors)
  "Draw into SVG at Y what the patterns mean, at PLACES, in COLORS."
  (cl-loop for (phase letter word) in mew-submit-picture--phases
           for (left . down) in places
           do (svg-rectangle svg left (+ y down 3) 16 16
                             :stroke "#000000" :stroke-width 0.5
                             :fill (format "url(#phase-%s)" phase))
           (mew-submit-picture--say svg (format "%c %s" letter word) (+ left 21)
                                    (+ y down 16) (car colors))))

(defun mew-submit-picture--svg (rows width colors)
  "Return ROWS as an SVG, WIDTH pixels wide, in COLORS.
COLORS are as `mew-submit-picture--colors' returns them."
  (let* ((left mew-submit-picture--label-width)
         (axis (max 100 (- width left mew-submit-picture--verdict-width 20)))
         (place (mew-submit-picture--place (mew-submit-picture--end rows)))
         (bottom (+ mew-submit-picture--top
                    (* mew-submit-picture--row-height (length rows))))
         (legend (mew-submit-picture--legend-places width))
         (height (+ bottom 30 (cdar (last legend))))
         (svg (svg-create width height))
         (y mew-submit-picture--top))
    (dom-append-child svg (mew-submit-picture--definitions colors))
    (svg-rectangle svg 0 0 width height :fill (cadr colors))
    (mew-submit-picture--draw-axis svg rows place left axis colors)
    (dolist (row rows)
      (mew-submit-picture--say svg (mew-submit-picture--label row) 8 (+ y 16)
                               (car colors))
      (dolist (segment (reverse (mew-submit-picture-row-segments row)))
        (mew-submit-picture--draw-segment svg segment place left axis y))
      (mew-submit-picture--say
       svg (mew-submit-picture--fit-tail (mew-submit-picture--verdict row) 18)
       (+ left axis 10) (+ y 16) (car colors))
      (cl-incf y mew-submit-picture--row-height))
    (mew-submit-picture--draw-legend svg (+ bottom 5) legend colors)
    svg))

(defun mew-submit-picture--fit-tail (text width)
  "Return TEXT, cut to WIDTH characters."
  (truncate-string-to-width text width nil nil t))

(defun mew-submit-picture--map (rows width scale)
  "Return the hot spots of an SVG of ROWS, WIDTH pixels wide, enlarged by SCALE.
It is the :map of an image: each row's area is called row-N, from 0."
  (let ((number -1))
    (mapcar (lambda (row)
              (let ((y (+ mew-submit-picture--top
                          (* mew-submit-picture--row-height (cl-incf number)))))
                (list `(rect . ((0 . ,(round (* scale y)))
                                . (,(round (* scale width))
                                   . ,(round (* scale (+ y mew-submit-picture--row-height
                                                         -1))))))
                      (intern (format "row-%d" number))
                      (list 'pointer 'hand
                            'help-echo (mew-submit-picture--label row)))))
            rows)))

(defun mew-submit-picture--octets (svg)
  "Return SVG as the octets of a file."
  (encode-coding-string
   (with-temp-buffer
     (svg-print svg)
     (concat "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" (buffer-string) "\n"))
   'utf-8))

;;; Bars

(defun mew-submit-picture--bars (bars width colors)
  "Return BARS, a list of (LABEL SHARE WORDS), as an SVG WIDTH pixels wide.
COLORS are as for `mew-submit-picture--svg'.  SHARE is from 0 to 1."
  (let* ((left 190)
         (axis (max 100 (- width left 190)))
         (height (+ 16 (* mew-submit-picture--row-height (length bars))))
         (svg (svg-create width height))
         (y 8))
    (dom-append-child svg (mew-submit-picture--definitions colors))
    (svg-rectangle svg 0 0 width height :fill (cadr colors))
    (pcase-dolist (`(,label ,share ,words) bars)
      (mew-submit-picture--say svg label 8 (+ y 16) (car colors))
      (svg-rectangle svg left (+ y 3) (max 1 (* axis share))
                     (- mew-submit-picture--row-height 6)
                     :fill "url(#phase-syn)" :stroke "#000000"
                     :stroke-width 0.5)
      (mew-submit-picture--say svg words (+ left (* axis share) 8) (+ y 16)
                               (car colors))
      (cl-incf y mew-submit-picture--row-height))
    svg))

(provide 'mew-submit-picture)
;;; mew-submit-picture.el ends here
